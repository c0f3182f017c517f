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
/// <param name="PossibleOnly">Whether the mean is over the queries with a possible match; otherwise the others count as 0.</param>
/// <param name="Value">Its value for a query.</param>
internal sealed record QueryMeasure(string Name, bool PossibleOnly, QueryValue Value)
{
    /// <summary>Whether the value depends on <see cref="QueryRanking.StrictlyBetter"/>.</summary>
    internal bool IsOfThreshold { get; init; }

    /// <summary>All measures that the options ask for, in the order to show them.</summary>
    internal static IReadOnlyList<QueryMeasure> Of(EvaluationOptions options)
    {
        var all = new List<QueryMeasure>();
        foreach (var k in options.RecallDepths)
        {
            QueryValue recall = (in QueryRanking ranking) => RankMetrics.RecallAt(k, ranking.Ranks);
            all.Add(new(FormattableString.Invariant($"recall@{k}"), false, recall));
            all.Add(new(FormattableString.Invariant($"recall@{k}_possible_only"), true, recall));
        }

        all.Add(new("precision@1", true, (in QueryRanking ranking) => RankMetrics.RecallAt(1, ranking.Ranks)));
        all.Add(new("r_precision", true, (in QueryRanking ranking) => RankMetrics.RPrecision(ranking.Ranks, ranking.Matches)));
        all.Add(new("map_at_r", true, (in QueryRanking ranking) => RankMetrics.AveragePrecisionAtR(ranking.Ranks, ranking.Matches)));
        all.Add(new("mean_average_precision", true, (in QueryRanking ranking) => RankMetrics.AveragePrecision(ranking.Ranks, ranking.Matches)));
        all.Add(new("mean_reciprocal_rank", true, (in QueryRanking ranking) => RankMetrics.ReciprocalRank(ranking.Ranks)));
        all.AddRange(options.CutOffs.SelectMany(AtCutOff));
        if (options.Variants)
        {
            all.AddRange(Variants(options));
        }

        return [.. all.DistinctBy(measure => measure.Name)];
    }

    private static IEnumerable<QueryMeasure> AtCutOff(int k) =>
    [
        new(FormattableString.Invariant($"precision@{k}"), true, (in QueryRanking ranking) => RankMetrics.PrecisionAt(k, ranking.Ranks, ranking.Matches)),
        new(FormattableString.Invariant($"map@{k}"), true, (in QueryRanking ranking) => RankMetrics.AveragePrecisionAt(k, ranking.Ranks)),
    ];

    private static IEnumerable<QueryMeasure> Variants(EvaluationOptions options)
    {
        foreach (var k in options.RecallDepths)
        {
            yield return new(
                FormattableString.Invariant($"recall@{k}_threshold"), false, (in QueryRanking ranking) => ranking.Matches > 0 && ranking.StrictlyBetter < k ? 1 : 0)
            {
                IsOfThreshold = true,
            };
        }

        yield return new(
            "map_at_r_counting_query",
            true,
            (in QueryRanking ranking) => RankMetrics.AveragePrecisionAtR(ranking.Ranks, ranking.Matches + (ranking.IsInGallery ? 1 : 0)));
    }
}
