using CondEmbed.Search;

namespace CondEmbed.Evaluation;

/// <summary>
/// The starts of k-means++ (Arthur and Vassilvitskii, SODA 2007): each point is drawn with a probability in proportion to its squared distance from the nearest point
/// drawn before. The distances are brought up to date for many starts at a time; until then a point is drawn by what is known, and taken with the probability that its true
/// squared distance is of that, which comes to the same probabilities.
/// </summary>
internal sealed class DistantStarts
{
    // Starts between updates: two panels, so that products cost little more than reading the points.
    private const int Batch = 2 * PanelRows.Width;

    private readonly Embeddings<float> points;
    private readonly PanelRows rows;
    private readonly CancellationToken cancellationToken;
    private readonly float[] squares;
    private readonly double[] known;
    private readonly List<int> chosen = [];
    private SeededRandom random;
    private int measured;

    private DistantStarts(Embeddings<float> points, PanelRows rows, ulong seed, CancellationToken cancellationToken)
    {
        (this.points, this.rows, this.cancellationToken) = (points, rows, cancellationToken);
        random = SeededRandom.Of(seed);
        squares = new float[points.Count];
        ParallelWork.Each(points.Count, point => squares[point] = PanelProduct.Of(points.Row(point), points.Row(point)), cancellationToken: cancellationToken);
        known = new double[points.Count];
        Array.Fill(known, double.PositiveInfinity);
    }

    /// <summary>N D -> K: the numbers of points; numbers repeat if there are fewer distinct points.</summary>
    internal static int[] Choose(Embeddings<float> points, PanelRows rows, int count, ulong seed, CancellationToken cancellationToken)
    {
        var starts = new DistantStarts(points, rows, seed, cancellationToken);
        starts.Take(starts.random.Next(points.Count));
        starts.Update();
        while (starts.chosen.Count < count)
        {
            starts.Take(starts.Draw());
            if (starts.chosen.Count - starts.measured == Batch)
            {
                starts.Update();
            }
        }

        return [.. starts.chosen];
    }

    // A drawn point is at distance 0, so no point is drawn twice while others are left.
    private void Take(int point)
    {
        chosen.Add(point);
        known[point] = 0;
    }

    private int Draw()
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var point = DrawKnown();
            if (known[point] == 0)
            {
                return point;
            }

            var distance = known[point];
            for (var i = measured; i < chosen.Count; i++)
            {
                distance = Math.Min(distance, SquaredDistance(point, chosen[i]));
            }

            var share = distance / known[point];
            known[point] = distance;
            if (random.Unit() < share)
            {
                return point;
            }
        }
    }

    // The place of a number between 0 and 1 among the running sums; the first place when all are 0.
    private int DrawKnown()
    {
        var left = random.Unit() * known.Sum();
        var last = 0;
        for (var i = 0; i < known.Length; i++)
        {
            if (known[i] > 0)
            {
                last = i;
                left -= known[i];
                if (left < 0)
                {
                    break;
                }
            }
        }

        return last;
    }

    private void Update()
    {
        int[] names = [.. Enumerable.Range(measured, chosen.Count - measured)];
        using var packed = PanelRows.Of(points.Chosen([.. names.Select(i => chosen[i])]));
        var least = new float[points.Count];
        Array.Fill(least, float.PositiveInfinity);
        NearestCentres.Take(rows, packed, [.. names.Select(i => squares[chosen[i]] / 2)], names, new int[points.Count], least, cancellationToken);
        for (var point = 0; point < known.Length; point++)
        {
            known[point] = Math.Min(known[point], Math.Max(0, squares[point] + (2 * least[point])));
        }

        foreach (var point in chosen.Skip(measured))
        {
            known[point] = 0;
        }

        measured = chosen.Count;
    }

    private double SquaredDistance(int point, int start) =>
        Math.Max(0, squares[point] + (2 * ((squares[start] / 2) - PanelProduct.Of(points.Row(point), points.Row(start)))));
}
