using System.Numerics;
using CondEmbed.Sampling;
using TorchSharp;

namespace CondEmbed.Evaluation;

/// <summary>A clustering.</summary>
/// <param name="ClusterOf">N: the number of each point's cluster, from 0.</param>
/// <param name="Inertia">The sum of the squared distances of all points to the centres of their clusters.</param>
/// <param name="Iterations">Rounds that it took.</param>
/// <param name="Converged">Whether nothing changed in the last round.</param>
public sealed record Clustering(int[] ClusterOf, double Inertia, int Iterations, bool Converged);

/// <summary>
/// k-means by Euclidean distance: starts by k-means++ (Arthur and Vassilvitskii, SODA 2007), one point after another with a probability in proportion to
/// its squared distance from the nearest start; then Lloyd's rounds until no point changes its cluster. A cluster that loses all its
/// points starts again at the point that is farthest from its centre. Distances are computed a block of points at a time. In single precision only those are that can
/// have changed since the last round.
/// </summary>
public static class KMeans
{
    private const int BlockBytes = 32 << 20;

    /// <summary>N D -> N.</summary>
    /// <param name="points">What to cluster.</param>
    /// <param name="clusters">How many clusters, 1 to N. Fewer come out where there are fewer distinct points.</param>
    /// <param name="seed">Everything random follows from it. The same on the same machine; in double precision also on the same thread count.</param>
    /// <param name="iterations">The most rounds.</param>
    /// <param name="cancel">Stops between rounds and starts.</param>
    public static Clustering Cluster<T>(
        Embeddings<T> points, int clusters, ulong seed, int iterations = 100, CancellationToken cancel = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(clusters, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(clusters, points.Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(iterations, 1);
        points.ThrowIfNotFinite();
        if (PanelProduct.IsSupported && points is Embeddings<float> singles)
        {
            using var means = new PanelMeans(singles, clusters, cancel);
            return means.Cluster(seed, iterations);
        }

        Native.ensure();
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var rows = EmbeddingTensor.Of(points.Values, 0, points.Count, points.Dimension);
        var norms = SquaredNorms(rows);
        return Rounds(rows, norms, Starts(rows, norms, clusters, seed, cancel), iterations, cancel);
    }

    // N D, N -> K D
    private static torch.Tensor Starts(torch.Tensor rows, torch.Tensor norms, int clusters, ulong seed, CancellationToken cancel)
    {
        var random = new SplitMix64(seed);
        var chosen = new long[clusters];
        chosen[0] = random.Below((int)rows.shape[0]);
        var nearest = new double[rows.shape[0]];
        var distances = new double[nearest.Length];
        Copy(SquaredDistances(rows, norms, chosen[0]), nearest);
        for (var at = 1; at < clusters; at++)
        {
            cancel.ThrowIfCancellationRequested();
            chosen[at] = Draw(nearest, random.Fraction());
            using var scope = torch.NewDisposeScope();
            Copy(SquaredDistances(rows, norms, chosen[at]), distances);
            for (var i = 0; i < nearest.Length; i++)
            {
                nearest[i] = Math.Min(nearest[i], distances[i]);
            }
        }

        return rows.index_select(0, torch.tensor(chosen, torch.int64, torch.CPU));
    }

    // A point itself is at distance 0, whatever rounding says, so that no point is drawn twice while others are left.
    private static torch.Tensor SquaredDistances(torch.Tensor rows, torch.Tensor norms, long point)
    {
        var distances = (norms + norms[point] - rows.mv(rows[point]).mul(2)).clamp_min(0);
        distances[point] = 0;
        return distances;
    }

    // The place of a number between 0 and 1 among the running sums; the first place when all weights are 0.
    private static int Draw(double[] weights, double fraction)
    {
        var left = fraction * weights.Sum();
        var last = 0;
        for (var i = 0; i < weights.Length; i++)
        {
            if (weights[i] > 0)
            {
                last = i;
                left -= weights[i];
                if (left < 0)
                {
                    break;
                }
            }
        }

        return last;
    }

    private static Clustering Rounds(torch.Tensor rows, torch.Tensor norms, torch.Tensor centres, int most, CancellationToken cancel)
    {
        var clusterOf = new int[rows.shape[0]];
        Array.Fill(clusterOf, -1);

        // What a squared distance may be wrong by.
        var epsilon = rows.dtype == torch.float32 ? 1.2e-7 : 2.3e-16;
        var rounding = 4 * epsilon * (rows.shape[1] + 8) * norms.max().ToDouble();
        for (var round = 1; ; round++)
        {
            cancel.ThrowIfCancellationRequested();
            var (nearest, distances) = Nearest(rows, norms, centres);
            var same = clusterOf.AsSpan().SequenceEqual(nearest);
            clusterOf = nearest;
            if (same || round == most)
            {
                return new Clustering(clusterOf, distances.Sum(), round, same);
            }

            var next = Means(rows, clusterOf, distances, centres, rounding);
            centres.Dispose();
            centres = next;
        }
    }

    // The nearest centre of each point, and its squared distance.
    private static (int[] Cluster, double[] Distance) Nearest(torch.Tensor rows, torch.Tensor norms, torch.Tensor centres)
    {
        var count = (int)rows.shape[0];
        var block = (int)Math.Clamp(BlockBytes / (centres.shape[0] * rows.element_size()), 1, 8192);
        var cluster = new int[count];
        var distance = new double[count];
        using var scope = torch.NewDisposeScope();
        var transposed = centres.t().contiguous();
        var centreNorms = SquaredNorms(centres);
        for (var first = 0; first < count; first += block)
        {
            using var inner = torch.NewDisposeScope();
            var last = Math.Min(first + block, count);
            var products = rows[first..last].mm(transposed); // B K
            var (least, place) = products.mul_(-2).add_(centreNorms).min(1);
            Copy((least + norms[first..last]).clamp_min(0), distance.AsSpan(first, last - first));
            place.to(torch.int32).data<int>().CopyTo(cluster.AsSpan(first));
        }

        return (cluster, distance);
    }

    // K D: the mean of each cluster; an empty one goes to the point that is farthest from its centre and not taken yet, if any is away from its own.
    private static torch.Tensor Means(torch.Tensor rows, int[] clusterOf, double[] distances, torch.Tensor centres, double rounding)
    {
        using var scope = torch.NewDisposeScope();
        var clusters = (int)centres.shape[0];
        var sizes = new double[clusters];
        foreach (var cluster in clusterOf)
        {
            sizes[cluster]++;
        }

        var places = torch.tensor(clusterOf, torch.int32, torch.CPU).to(torch.int64);
        var sums = torch.zeros_like(centres).index_add_(0, places, rows, 1);
        var means = sums.div_(torch.tensor(sizes, torch.float64, torch.CPU).clamp_min(1).to(rows.dtype).unsqueeze(1));
        var empty = Enumerable.Range(0, clusters).Where(cluster => sizes[cluster] == 0).ToArray();
        if (empty.Length > 0)
        {
            var farthest = Enumerable.Range(0, distances.Length).OrderByDescending(point => distances[point]).ThenBy(point => point);
            foreach (var (cluster, point) in empty.Zip(farthest))
            {
                means[cluster] = distances[point] > rounding ? rows[point] : centres[cluster];
            }
        }

        return means.MoveToOuterDisposeScope();
    }

    // Without a second array of all numbers.
    private static torch.Tensor SquaredNorms(torch.Tensor rows) => torch.linalg.vector_norm(rows, 2, [1]).square();

    private static void Copy(torch.Tensor from, Span<double> to) => from.to(torch.float64).data<double>().CopyTo(to);
}
