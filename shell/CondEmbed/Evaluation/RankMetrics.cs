namespace CondEmbed.Evaluation;

/// <summary>
/// Metrics of one query, each a function of the ascending ranks (from 1) of its positives. R (matches) is the number of positives that
/// there are: a truncated ranking does not contain all of them. Without positives all are 0. Formulas: Musgrave,
/// Belongie, Lim, "A Metric Learning Reality Check", ECCV 2020, section 3.2; those "at k" as in open-metric-learning's
/// <c>oml.functional.metrics</c>.
/// </summary>
public static class RankMetrics
{
    /// <summary>1 if a positive is among the first k, else 0. Over queries against a gallery the mean is called CMC@K.</summary>
    public static double RecallAt(int k, ReadOnlySpan<int> ranks) => ranks.Length > 0 && ranks[0] <= k ? 1 : 0;

    /// <summary>The fraction of positives among the first R.</summary>
    public static double RPrecision(ReadOnlySpan<int> ranks, int matches) => matches == 0 ? 0 : (double)Within(matches, ranks) / matches;

    /// <summary>MAP@R: (1 / R) times the sum, over positives among the first R, of the precision at their rank.</summary>
    public static double AveragePrecisionAtR(ReadOnlySpan<int> ranks, int matches) => SumOfPrecisions(ranks[..Within(matches, ranks)], matches);

    /// <summary>MAP: (1 / R) times the sum, over all positives, of the precision at their rank; those beyond the end of the ranking count as never found.</summary>
    public static double AveragePrecision(ReadOnlySpan<int> ranks, int matches) => SumOfPrecisions(ranks, matches);

    /// <summary>1 over the rank of the first positive.</summary>
    public static double ReciprocalRank(ReadOnlySpan<int> ranks) => ranks.Length == 0 ? 0 : 1d / ranks[0];

    /// <summary>Precision@K: positives among the first k, over min(k, R), so that a perfect ranking scores 1 even if R &lt; k.</summary>
    public static double PrecisionAt(int k, ReadOnlySpan<int> ranks, int matches) =>
        matches == 0 ? 0 : (double)Within(k, ranks) / Math.Min(k, matches);

    /// <summary>MAP@K: the mean, over the positives among the first k, of the precision at their rank; 0 if there are none.</summary>
    public static double AveragePrecisionAt(int k, ReadOnlySpan<int> ranks)
    {
        var found = Within(k, ranks);
        return SumOfPrecisions(ranks[..found], found);
    }

    private static int Within(int depth, ReadOnlySpan<int> ranks)
    {
        var place = ranks.BinarySearch(depth);
        return place >= 0 ? place + 1 : ~place;
    }

    private static double SumOfPrecisions(ReadOnlySpan<int> ranks, int matches)
    {
        var sum = 0d;
        for (var i = 0; i < ranks.Length; i++)
        {
            sum += (i + 1d) / ranks[i];
        }

        return matches == 0 ? 0 : sum / matches;
    }
}
