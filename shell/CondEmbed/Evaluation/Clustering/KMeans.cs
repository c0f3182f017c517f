using CondEmbed.Search;

namespace CondEmbed.Evaluation;

/// <summary>A clustering.</summary>
/// <param name="ClusterOf">N: the number of each point's cluster, from 0.</param>
/// <param name="Inertia">The sum of the squared distances of all points to the centres of their clusters.</param>
/// <param name="Iterations">The number of rounds.</param>
/// <param name="Converged">Whether nothing changed in the last round.</param>
public sealed record Clustering(int[] ClusterOf, double Inertia, int Iterations, bool Converged);

/// <summary>
/// k-means by Euclidean distance: starts by k-means++ (Arthur and Vassilvitskii, SODA 2007), one point after another with a probability in proportion to
/// its squared distance from the nearest start; then Lloyd's rounds until no point changes its cluster. A cluster that loses all its
/// points starts again at the point that is farthest from its centre. All is computed in single precision, and only those distances that can have changed since the
/// last round.
/// </summary>
public static class KMeans
{
    /// <summary>N D -> N.</summary>
    /// <param name="points">What to cluster.</param>
    /// <param name="clusters">How many clusters, 1 to N. Fewer result if there are fewer distinct points.</param>
    /// <param name="seed">The seed of everything random: it gives the same clusters on any machine and any number of threads.</param>
    /// <param name="iterations">The most rounds.</param>
    /// <param name="cancellationToken">Stops between rounds and starts.</param>
    public static Clustering Cluster<T>(
        Embeddings<T> points, int clusters, ulong seed, int iterations = 100, CancellationToken cancellationToken = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(clusters, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(clusters, points.Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(iterations, 1);
        points.ThrowIfNotFinite();
        using var means = new PanelMeans(points as Embeddings<float> ?? Singles(points), clusters, cancellationToken);
        return means.Cluster(seed, iterations);
    }

    private static Embeddings<float> Singles<T>(Embeddings<T> points)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        new(Array.ConvertAll(points.Values, float.CreateTruncating), points.Count, points.Dimension);
}
