using System.Numerics;

namespace CondEmbed.Evaluation;

/// <summary>
/// Measures retrieval by cosine similarity, a block of queries at a time: 60,502 embeddings of 512 floats need less than 1 GB beside
/// the embeddings themselves. Ties are broken by lower index, so that no metric depends on K or on the block.
/// </summary>
public static class Retrieval
{
    /// <summary>All against all: every item searches among all others.</summary>
    /// <param name="embeddings">N D.</param>
    /// <param name="labels">N.</param>
    /// <param name="recallAt">The K of Recall@K; by default <see cref="RetrievalMetrics.DefaultRecallAt"/>.</param>
    /// <param name="cancel">Stops between blocks.</param>
    /// <exception cref="InputException">An embedding is not finite, or no two items share a label.</exception>
    public static RetrievalMetrics Evaluate<T>(
        Embeddings<T> embeddings,
        IReadOnlyList<long> labels,
        IReadOnlyList<int>? recallAt = null,
        CancellationToken cancel = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var set = new LabelledSet<T>(embeddings, labels);
        int[] self = [.. Enumerable.Range(0, embeddings.Count)];
        return Evaluate(set, set, self, recallAt, cancel);
    }

    /// <summary>Queries against a gallery. Both use the same numbers for the same classes.</summary>
    /// <param name="queries">Q D.</param>
    /// <param name="queryLabels">Q.</param>
    /// <param name="gallery">G D.</param>
    /// <param name="galleryLabels">G.</param>
    /// <param name="self">For each query, the gallery item that is the same image and so is left out, or -1; null when there is none.</param>
    /// <param name="recallAt">The K of Recall@K (here often called CMC@K); by default <see cref="RetrievalMetrics.DefaultRecallAt"/>.</param>
    /// <param name="cancel">Stops between blocks.</param>
    /// <exception cref="InputException">An embedding is not finite, or no query has its label in the gallery.</exception>
    public static RetrievalMetrics Evaluate<T>(
        Embeddings<T> queries,
        IReadOnlyList<long> queryLabels,
        Embeddings<T> gallery,
        IReadOnlyList<long> galleryLabels,
        IReadOnlyList<int>? self = null,
        IReadOnlyList<int>? recallAt = null,
        CancellationToken cancel = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (queries.Dimension != gallery.Dimension)
        {
            throw new ArgumentException($"queries of {queries.Dimension} numbers, gallery of {gallery.Dimension}", nameof(gallery));
        }

        if (self is not null && self.Count != queries.Count)
        {
            throw new ArgumentException($"{self.Count} entries for {queries.Count} queries", nameof(self));
        }

        self ??= [.. Enumerable.Repeat(-1, queries.Count)];
        return Evaluate(new LabelledSet<T>(queries, queryLabels), new LabelledSet<T>(gallery, galleryLabels), self, recallAt, cancel);
    }

    private static RetrievalMetrics Evaluate<T>(
        LabelledSet<T> queries,
        LabelledSet<T> gallery,
        IReadOnlyList<int> self,
        IReadOnlyList<int>? recallAt,
        CancellationToken cancel)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        recallAt ??= RetrievalMetrics.DefaultRecallAt;
        if (recallAt.Any(k => k < 1))
        {
            throw new ArgumentException($"K must be at least 1: {string.Join(", ", recallAt)}", nameof(recallAt));
        }

        using var rows = SimilarityRows.Of(queries.Unit, gallery.Unit);
        var outcomes = Outcomes(rows, queries, gallery, self, null, cancel);
        if (Array.TrueForAll(outcomes, outcome => outcome.Matches == 0))
        {
            throw new InputException($"none of {outcomes.Length} queries has another item with its label to be found: nothing can be measured");
        }

        return new RetrievalMetrics(outcomes, recallAt);
    }

    internal static QueryOutcome[] Outcomes<T>(
        ISimilarityRows<T> rows,
        LabelledSet<T> queries,
        LabelledSet<T> gallery,
        IReadOnlyList<int> self,
        int? rowsInBlock,
        CancellationToken cancel)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var outcomes = new QueryOutcome[queries.Unit.Count];
        SimilarityRows.ForEach(
            rows,
            queries.Unit.Count,
            gallery.Unit.Count,
            (query, similarities) =>
            {
                var positives = gallery.Positives(queries.Labels[query], self[query]);
                var ranks = new int[positives.Length];
                RankCounter.Ranks(similarities.Span, self[query], positives, ranks);
                outcomes[query] = QueryOutcome.Of(query, ranks);
            },
            cancel,
            rowsInBlock);
        return outcomes;
    }
}
