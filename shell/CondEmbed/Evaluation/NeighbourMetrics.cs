namespace CondEmbed.Evaluation;

/// <summary>
/// Retrieval metrics of rankings that were made elsewhere. A ranking may be truncated: positives beyond its end count as never found, and
/// R is what is given. The names are those of <see cref="RetrievalMetrics.Values"/>; <c>recall@K</c> is meaningful only for rankings of at least K items.
/// </summary>
public static class NeighbourMetrics
{
    /// <summary>
    /// From the labels of the neighbours, as pytorch-metric-learning's <c>AccuracyCalculator</c> has them. Negatives strictly more similar than
    /// the best positive are taken to be those before it.
    /// </summary>
    /// <param name="queryLabels">Q, the label of each query.</param>
    /// <param name="neighbourLabels">For each query the labels of its neighbours, nearest first, without the query itself.</param>
    /// <param name="labelCounts">How many items of the reference set have each label; a missing label has none.</param>
    /// <param name="queriesInReferences">Whether the queries are counted there, so that one of each count is the query itself.</param>
    /// <param name="options">Which metrics; those that need embeddings are not available here.</param>
    /// <exception cref="ArgumentException">The lists do not fit together, or an option needs embeddings.</exception>
    /// <exception cref="Common.InputException">No query has a possible match.</exception>
    public static RetrievalMetrics FromLabels(
        IReadOnlyList<long> queryLabels,
        IReadOnlyList<IReadOnlyList<long>> neighbourLabels,
        IReadOnlyDictionary<long, int> labelCounts,
        bool queriesInReferences,
        EvaluationOptions? options = null)
    {
        DemandSame(queryLabels.Count, neighbourLabels.Count, nameof(neighbourLabels));
        var own = queriesInReferences ? 1 : 0;
        var matches = queryLabels.Select(label => Math.Max(0, labelCounts.GetValueOrDefault(label) - own));
        var hits = neighbourLabels.Select((row, query) => (IReadOnlyList<int>)Places(row, queryLabels[query]));
        return Of(queryLabels, [.. hits], [.. matches], queriesInReferences, options);
    }

    /// <summary>
    /// From the positions of the hits, as open-metric-learning's <c>calc_cmc</c>, <c>calc_precision</c> and <c>calc_map</c> have them: CMC@K is
    /// <c>recall@K</c>, the others <c>precision@K</c> and <c>map@K</c>, of the K in <see cref="EvaluationOptions.CutOffs"/>.
    /// </summary>
    /// <param name="hitPositions">For each query the positions, from 0, in its ranking of the items with its label, ascending.</param>
    /// <param name="matches">For each query how many such items there are, R.</param>
    /// <param name="options">Which metrics; those that need embeddings are not available here.</param>
    /// <exception cref="ArgumentException">The lists do not fit together, or an option needs embeddings.</exception>
    /// <exception cref="Common.InputException">No query has a possible match.</exception>
    public static RetrievalMetrics FromHits(
        IReadOnlyList<IReadOnlyList<int>> hitPositions, IReadOnlyList<int> matches, EvaluationOptions? options = null)
    {
        DemandSame(hitPositions.Count, matches.Count, nameof(matches));
        return Of(new long[matches.Count], hitPositions, matches, queriesInReferences: false, options);
    }

    private static RetrievalMetrics Of(
        IReadOnlyList<long> labels,
        IReadOnlyList<IReadOnlyList<int>> hits,
        IReadOnlyList<int> matches,
        bool queriesInReferences,
        EvaluationOptions? options)
    {
        options ??= new EvaluationOptions();
        options.Check();
        if (options.Clustering || options.FalseMatchRates.Count > 0 || options.Variances.Count > 0)
        {
            throw new ArgumentException("clusterings, false matches and principal components need embeddings", nameof(options));
        }

        var table = new QueryTable(QueryMeasure.Of(options), labels);
        for (var query = 0; query < hits.Count; query++)
        {
            int[] ranks = [.. hits[query].Select(place => place + 1)];
            if (ranks.Length > matches[query] || ranks.Any(rank => rank < 1) || ranks.Zip(ranks.Skip(1)).Any(pair => pair.First >= pair.Second))
            {
                throw new ArgumentException($"query {query}: the ranks of its hits, {string.Join(", ", hits[query])} of {matches[query]}, must be increasing", nameof(hits));
            }

            table.Fill(query, new QueryRanking(ranks, matches[query], ranks.Length == 0 ? int.MaxValue : ranks[0] - 1, queriesInReferences));
        }

        table.DemandMatch();
        return new RetrievalMetrics(table, options);
    }

    private static List<int> Places(IReadOnlyList<long> row, long label) => [.. Enumerable.Range(0, row.Count).Where(place => row[place] == label)];

    private static void DemandSame(int expected, int actual, string name)
    {
        if (expected != actual)
        {
            throw new ArgumentException($"{actual} entries for {expected} queries", name);
        }
    }
}
