namespace CondEmbed.Evaluation;

/// <summary>How well one query did.</summary>
/// <param name="Query">The number of the query.</param>
/// <param name="Matches">R: how many other items have its label. When 0, all the rest is 0 too.</param>
/// <param name="FirstHit">The rank, from 1, of the first of them.</param>
/// <param name="RPrecision">See <see cref="RankMetrics.RPrecision"/>.</param>
/// <param name="MapAtR">See <see cref="RankMetrics.AveragePrecisionAtR"/>.</param>
/// <param name="AveragePrecision">See <see cref="RankMetrics.AveragePrecision"/>.</param>
public readonly record struct QueryOutcome(
    int Query,
    int Matches,
    int FirstHit,
    double RPrecision,
    double MapAtR,
    double AveragePrecision)
{
    internal static QueryOutcome Of(int query, ReadOnlySpan<int> ranks) =>
        new(
            query,
            ranks.Length,
            ranks.Length == 0 ? 0 : ranks[0],
            RankMetrics.RPrecision(ranks),
            RankMetrics.AveragePrecisionAtR(ranks),
            RankMetrics.AveragePrecision(ranks));
}

/// <summary>
/// Retrieval metrics over many queries. Recall@K counts a query without any possible match as a miss; all others, and
/// <c>recall@K_possible_only</c>, are means over the queries with a possible match.
/// </summary>
public sealed class RetrievalMetrics
{
    private readonly OrderedDictionary<string, double> values;

    internal RetrievalMetrics(IReadOnlyList<QueryOutcome> outcomes, IReadOnlyList<int> recallAt)
    {
        Outcomes = outcomes;
        QueriesWithoutMatch = outcomes.Count(outcome => outcome.Matches == 0);
        values = Means(outcomes, recallAt);
    }

    /// <summary>The K of Recall@K unless others are asked for.</summary>
    public static IReadOnlyList<int> DefaultRecallAt { get; } = [1, 2, 4, 8, 10, 16, 32];

    /// <summary>
    /// Name to value, in the order to show them: <c>recall@K</c> and <c>recall@K_possible_only</c> for each K, <c>precision@1</c>,
    /// <c>r_precision</c>, <c>map_at_r</c>, <c>mean_average_precision</c>, <c>mean_reciprocal_rank</c>.
    /// </summary>
    public IReadOnlyDictionary<string, double> Values => values;

    /// <summary>How many queries there were.</summary>
    public int Queries => Outcomes.Count;

    /// <summary>How many queries no item could match.</summary>
    public int QueriesWithoutMatch { get; }

    /// <summary>Every query's own result, in the order of the queries.</summary>
    public IReadOnlyList<QueryOutcome> Outcomes { get; }

    /// <summary>MAP@R, the metric to choose by.</summary>
    public double MapAtR => values["map_at_r"];

    /// <summary>The value of a metric by its name in <see cref="Values"/>.</summary>
    /// <exception cref="KeyNotFoundException">There is none of this name.</exception>
    public double this[string name] => values[name];

    /// <summary>Recall@K.</summary>
    /// <exception cref="KeyNotFoundException">This K was not asked for.</exception>
    public double Recall(int k) => values[FormattableString.Invariant($"recall@{k}")];

    private static OrderedDictionary<string, double> Means(IReadOnlyList<QueryOutcome> outcomes, IReadOnlyList<int> recallAt)
    {
        var possible = outcomes.Where(outcome => outcome.Matches > 0).ToList();
        var means = new OrderedDictionary<string, double>(StringComparer.Ordinal);
        foreach (var k in recallAt)
        {
            double hits = possible.Count(outcome => outcome.FirstHit <= k);
            means[FormattableString.Invariant($"recall@{k}")] = hits / outcomes.Count;
            means[FormattableString.Invariant($"recall@{k}_possible_only")] = hits / possible.Count;
        }

        means["precision@1"] = possible.Average(outcome => outcome.FirstHit == 1 ? 1d : 0d);
        means["r_precision"] = possible.Average(outcome => outcome.RPrecision);
        means["map_at_r"] = possible.Average(outcome => outcome.MapAtR);
        means["mean_average_precision"] = possible.Average(outcome => outcome.AveragePrecision);
        means["mean_reciprocal_rank"] = possible.Average(outcome => 1d / outcome.FirstHit);
        return means;
    }
}
