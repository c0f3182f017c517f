using CondEmbed.Search;

namespace CondEmbed.Evaluation;

/// <summary>
/// k-means in single precision by <see cref="PanelProduct"/>. A round computes only what can have changed: how far all points are from the centres that moved, and
/// how far the points whose own centre moved away are from the others. The result is bit-identical to computing everything.
/// </summary>
internal sealed class PanelMeans : IDisposable
{
    private readonly Embeddings<float> points;
    private readonly PanelRows rows;
    private readonly CancellationToken cancellationToken;
    private readonly Embeddings<float> centres;
    private readonly int clusters;
    private readonly int[] clusterOf;

    // How far the mean of equal points may be from them, squared.
    private readonly double rounding;

    // Of each point: half the squared distance from its centre, less half its own square.
    private readonly float[] least;

    internal PanelMeans(Embeddings<float> points, int clusters, CancellationToken cancellationToken)
    {
        (this.points, this.clusters, this.cancellationToken) = (points, clusters, cancellationToken);
        rows = PanelRows.Of(points);
        centres = new Embeddings<float>(Embeddings<float>.Room(clusters, points.Dimension), clusters, points.Dimension);
        clusterOf = new int[points.Count];
        least = new float[points.Count];
        Array.Fill(least, float.PositiveInfinity);
        var largest = Enumerable.Range(0, points.Count)
            .AsParallel().WithDegreeOfParallelism(Math.Min(ComputeThreads.Count, 512))
            .Max(point => PanelProduct.Of(points.Row(point), points.Row(point)));
        rounding = 4 * 1.2e-7 * (points.Dimension + 8) * largest;
    }

    public void Dispose() => rows.Dispose();

    internal Clustering Cluster(ulong seed, int most)
    {
        var starts = DistantStarts.Choose(points, rows, clusters, seed, cancellationToken);
        for (var cluster = 0; cluster < clusters; cluster++)
        {
            points.Row(starts[cluster]).CopyTo(Centre(cluster));
        }

        int[] moved = [.. Enumerable.Range(0, clusters)];
        Take(rows, moved, clusterOf, least);
        var changed = Enumerable.Repeat(true, clusters).ToArray();
        for (var round = 2; round <= most; round++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var before = (int[])clusterOf.Clone();
            moved = Move(changed);
            Assign(moved);
            changed = Changed(before);
            if (!changed.Contains(true))
            {
                return new Clustering(clusterOf, Distances().Sum(), round, true);
            }
        }

        return new Clustering(clusterOf, Distances().Sum(), most, false);
    }

    private Span<float> Centre(int cluster) => centres.Values.AsSpan(cluster * points.Dimension, points.Dimension);

    // Which clusters lost or won a point.
    private bool[] Changed(int[] before)
    {
        var changed = new bool[clusters];
        for (var point = 0; point < before.Length; point++)
        {
            if (before[point] != clusterOf[point])
            {
                changed[before[point]] = changed[clusterOf[point]] = true;
            }
        }

        return changed;
    }

    // Puts the centres of changed clusters to the means of their points, and empty ones to the points that are farthest from their centres, as long as any is away
    // from its own. Returns which centres moved.
    private int[] Move(bool[] changed)
    {
        var members = clusterOf.Select((cluster, point) => (cluster, point)).ToLookup(pair => pair.cluster, pair => pair.point);
        int[] empty = [.. Enumerable.Range(0, clusters).Where(cluster => !members.Contains(cluster))];
        var distances = empty.Length > 0 ? Distances() : [];
        var moved = new bool[clusters];
        _ = ParallelWork.Each(clusters, () => new float[points.Dimension], (mean, cluster) =>
        {
            if (changed[cluster] && members.Contains(cluster))
            {
                Mean(members[cluster], mean);
                moved[cluster] = !mean.AsSpan().SequenceEqual(Centre(cluster));
                mean.CopyTo(Centre(cluster));
            }
        });
        var farthest = Enumerable.Range(0, distances.Length).Where(point => distances[point] > rounding).OrderByDescending(point => distances[point]).ThenBy(point => point);
        foreach (var (cluster, point) in empty.Zip(farthest))
        {
            points.Row(point).CopyTo(Centre(cluster));
            moved[cluster] = true;
        }

        return [.. Enumerable.Range(0, clusters).Where(cluster => moved[cluster])];
    }

    private void Mean(IEnumerable<int> members, float[] mean)
    {
        Array.Clear(mean);
        var count = 0;
        foreach (var point in members)
        {
            count++;
            var row = points.Row(point);
            for (var i = 0; i < mean.Length; i++)
            {
                mean[i] += row[i];
            }
        }

        for (var i = 0; i < mean.Length; i++)
        {
            mean[i] /= count;
        }
    }

    private void Assign(int[] moved)
    {
        var away = Remeasure(moved);
        Take(rows, moved, clusterOf, least);
        if (away.Length == 0 || moved.Length == clusters)
        {
            return;
        }

        using var lost = PanelRows.Of(points.Chosen(away));
        int[] nearest = [.. away.Select(point => clusterOf[point])];
        float[] numbers = [.. away.Select(point => least[point])];
        Take(lost, [.. Enumerable.Range(0, clusters).Except(moved)], nearest, numbers);
        for (var i = 0; i < away.Length; i++)
        {
            (clusterOf[away[i]], least[away[i]]) = (nearest[i], numbers[i]);
        }
    }

    // How far points are now from their centres that moved; returns those that are farther away than before.
    private int[] Remeasure(int[] moved)
    {
        var halfSquares = moved.ToDictionary(cluster => cluster, cluster => HalfSquare(Centre(cluster)));
        var away = new bool[points.Count];
        ParallelWork.Each(points.Count, point =>
        {
            if (halfSquares.TryGetValue(clusterOf[point], out var half))
            {
                var number = half - PanelProduct.Of(points.Row(point), Centre(clusterOf[point]));
                away[point] = number > least[point];
                least[point] = number;
            }
        });
        return [.. Enumerable.Range(0, away.Length).Where(point => away[point])];
    }

    private void Take(PanelRows some, int[] names, int[] nearest, float[] numbers)
    {
        if (names.Length == 0)
        {
            return;
        }

        var searched = names.Length == clusters ? centres : centres.Chosen(names);
        using var packed = PanelRows.Of(searched);
        NearestCentres.Take(some, packed, [.. names.Select((_, at) => HalfSquare(searched.Row(at)))], names, nearest, numbers, cancellationToken);
    }

    private static float HalfSquare(ReadOnlySpan<float> row) => PanelProduct.Of(row, row) / 2;

    // The squared distance of each point from its centre.
    private double[] Distances()
    {
        var distances = new double[points.Count];
        ParallelWork.Each(points.Count, point =>
        {
            var row = points.Row(point);
            var centre = Centre(clusterOf[point]);
            for (var i = 0; i < row.Length; i++)
            {
                var away = (double)row[i] - centre[i];
                distances[point] += away * away;
            }
        });
        return distances;
    }
}
