namespace CondEmbed.Evaluation;

/// <summary>
/// Metrics of one query, each a function of the rising ranks (from 1) of its positives; R is their number. Without positives
/// all are 0. Formulas: Musgrave, Belongie, Lim, "A Metric Learning Reality Check", ECCV 2020, section 3.2.
/// </summary>
public static class RankMetrics
{
    /// <summary>1 if a positive is among the first k, else 0.</summary>
    public static double RecallAt(int k, ReadOnlySpan<int> ranks) => ranks.Length > 0 && ranks[0] <= k ? 1 : 0;

    /// <summary>The share of positives among the first R.</summary>
    public static double RPrecision(ReadOnlySpan<int> ranks) => ranks.Length == 0 ? 0 : (double)Within(ranks.Length, ranks) / ranks.Length;

    /// <summary>MAP@R: (1 / R) times the sum, over positives among the first R, of the precision at their rank.</summary>
    public static double AveragePrecisionAtR(ReadOnlySpan<int> ranks) => SumOfPrecisions(ranks[..Within(ranks.Length, ranks)], ranks.Length);

    /// <summary>MAP: (1 / R) times the sum, over all positives, of the precision at their rank.</summary>
    public static double AveragePrecision(ReadOnlySpan<int> ranks) => SumOfPrecisions(ranks, ranks.Length);

    /// <summary>1 over the rank of the first positive.</summary>
    public static double ReciprocalRank(ReadOnlySpan<int> ranks) => ranks.Length == 0 ? 0 : 1d / ranks[0];

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
