using static System.FormattableString;

namespace CondEmbed.Evaluation;

/// <summary>The ranks of the positives of one query.</summary>
internal readonly ref struct QueryRanking(ReadOnlySpan<int> ranks, int matches, int strictlyBetter, bool isInGallery)
{
    /// <summary>The ascending ranks of the positives, from 1; all of them, or those in a truncated ranking.</summary>
    internal ReadOnlySpan<int> Ranks { get; } = ranks;

    /// <summary>R, the number of positives.</summary>
    internal int Matches { get; } = matches;

    /// <summary>Negatives that are strictly more similar than the best positive.</summary>
    internal int StrictlyBetter { get; } = strictlyBetter;

    /// <summary>Whether the query is itself in the gallery (and left out).</summary>
    internal bool IsInGallery { get; } = isInGallery;
}

/// <summary>The value of a measure for one query.</summary>
internal delegate double QueryValue(in QueryRanking ranking);

/// <summary>A metric that is a mean over queries.</summary>
/// <param name="Name">Its name in <see cref="RetrievalMetrics.Values"/>.</param>
/// <param name="Display">Its name for people; null if it has a number in it, as in Recall@K: see <see cref="MetricNames"/>.</param>
/// <param name="Value">Its value for a query.</param>
/// <param name="PossibleOnly">Whether the mean is over the queries with a possible match; otherwise the others count as 0.</param>
internal sealed record QueryMeasure(string Name, string? Display, QueryValue Value, bool PossibleOnly = true)
{
    /// <summary>What is always measured besides Recall@K, in the order to show it. To add a metric, add a line here.</summary>
    internal static IReadOnlyList<QueryMeasure> Always { get; } =
    [
        new("precision@1", "Precision@1", (in ranking) => RankMetrics.RecallAt(1, ranking.Ranks)),
        new("r_precision", "R-precision", (in ranking) => RankMetrics.RPrecision(ranking.Ranks, ranking.Matches)),
        new(MetricNames.MapAtR, "MAP@R", (in ranking) => RankMetrics.AveragePrecisionAtR(ranking.Ranks, ranking.Matches)),
        new("mean_average_precision", "MAP", (in ranking) => RankMetrics.AveragePrecision(ranking.Ranks, ranking.Matches)),
        new("mean_reciprocal_rank", "MRR", (in ranking) => RankMetrics.ReciprocalRank(ranking.Ranks)),
    ];

    /// <summary>Whether the value depends on <see cref="QueryRanking.StrictlyBetter"/>.</summary>
    internal bool IsOfThreshold { get; init; }

    /// <summary>All measures that the options ask for, in the order to show them.</summary>
    internal static IReadOnlyList<QueryMeasure> Of(EvaluationOptions options)
    {
        var variants = options.Variants ? options.RecallDepths.Select(RecallByThreshold).Append(CountingQuery) : [];
        IEnumerable<QueryMeasure> all = [.. options.RecallDepths.SelectMany(Recall), .. Always, .. options.CutOffs.SelectMany(AtCutOff), .. variants];
        return [.. all.DistinctBy(measure => measure.Name)];
    }

    private static IEnumerable<QueryMeasure> Recall(int k)
    {
        QueryValue recall = (in ranking) => RankMetrics.RecallAt(k, ranking.Ranks);
        return [new(Invariant($"recall@{k}"), null, recall, PossibleOnly: false), new(Invariant($"recall@{k}_possible_only"), null, recall)];
    }

    private static IEnumerable<QueryMeasure> AtCutOff(int k) =>
    [
        new(Invariant($"precision@{k}"), null, (in ranking) => RankMetrics.PrecisionAt(k, ranking.Ranks, ranking.Matches)),
        new(Invariant($"map@{k}"), null, (in ranking) => RankMetrics.AveragePrecisionAt(k, ranking.Ranks)),
    ];

    private static QueryMeasure RecallByThreshold(int k) =>
        new(Invariant($"recall@{k}_threshold"), null, (in ranking) => ranking.Matches > 0 && ranking.StrictlyBetter < k ? 1 : 0, PossibleOnly: false) { IsOfThreshold = true };

    private static QueryMeasure CountingQuery { get; } =
        new("map_at_r_counting_query", null, (in ranking) => RankMetrics.AveragePrecisionAtR(ranking.Ranks, ranking.Matches + (ranking.IsInGallery ? 1 : 0)));
}
