using CondEmbed.Search;

namespace CondEmbed.Evaluation;

/// <summary>
/// Search in two steps: the K items most similar by the cosine of their embeddings are reordered by a more expensive similarity. All other items
/// follow in order of cosine.
/// </summary>
public static class Reranking
{
    /// <summary>The K most similar items of each query, excluding its own image.</summary>
    /// <param name="queries">Q D, the query embeddings.</param>
    /// <param name="gallery">G D, the gallery embeddings.</param>
    /// <param name="k">How many, at least 1; all items if there are fewer.</param>
    /// <param name="self">For each query, the gallery item that is the same image, or -1; null when there is none.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    /// <exception cref="Common.InputException">An embedding is not finite.</exception>
    public static Neighbours<T> Candidates<T>(
        Embeddings<T> queries, Embeddings<T> gallery, int k, IReadOnlyList<int>? self = null, CancellationToken cancellationToken = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        if (self is null || self.All(item => item < 0))
        {
            return NeighbourSearch.TopK(queries, gallery, k, excludeSelf: false, cancellationToken);
        }

        k = Math.Min(k, gallery.Count - 1);
        var found = NeighbourSearch.TopK(queries, gallery, k + 1, excludeSelf: false, cancellationToken);
        var kept = new Neighbours<T>(k, new int[queries.Count * k], new T[queries.Count * k]);
        for (var query = 0; query < queries.Count; query++)
        {
            var at = found.Of(query).IndexOf(self[query]);
            var left = at >= 0 ? at : k;
            Without(left, found.Of(query), kept.Items.AsSpan(query * k, k));
            Without(left, found.SimilaritiesOf(query), kept.Similarities.AsSpan(query * k, k));
        }

        return kept;
    }

    /// <summary>The same items in descending order of another similarity; equal ones keep their order.</summary>
    /// <param name="candidates">The items to reorder.</param>
    /// <param name="similarities">Q K: the other similarities, in the order of the candidates.</param>
    public static Neighbours<T> Reorder<T>(Neighbours<T> candidates, IReadOnlyList<T> similarities)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(candidates);
        if (similarities.Count != candidates.Items.Length)
        {
            throw new ArgumentException($"{similarities.Count} similarities for {candidates.Items.Length} candidates", nameof(similarities));
        }

        int[] order = [.. Enumerable.Range(0, similarities.Count).Chunk(Math.Max(1, candidates.K)).SelectMany(row => row.OrderByDescending(at => similarities[at]))];
        return new(candidates.K, [.. order.Select(at => candidates.Items[at])], [.. order.Select(at => similarities[at])]);
    }

    /// <summary>Retrieval metrics of the new order, where <see cref="Retrieval"/> gives those of the old one. Only measures of the order are computed.</summary>
    /// <param name="queries">Q D, the query embeddings.</param>
    /// <param name="queryLabels">Q, the label of each query.</param>
    /// <param name="gallery">G D, the gallery embeddings.</param>
    /// <param name="galleryLabels">G, the label of each gallery item.</param>
    /// <param name="reordered">The <see cref="Candidates"/> in another order.</param>
    /// <param name="self">As for the candidates.</param>
    /// <param name="options">What to measure; clusterings, false matches and principal components depend on the embeddings, which do not change.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    /// <exception cref="ArgumentException">The items are not the candidates.</exception>
    /// <exception cref="Common.InputException">An embedding is not finite, or no query has its label in the gallery.</exception>
    public static RetrievalMetrics Evaluate<T>(
        Embeddings<T> queries,
        IReadOnlyList<long> queryLabels,
        Embeddings<T> gallery,
        IReadOnlyList<long> galleryLabels,
        Neighbours<T> reordered,
        IReadOnlyList<int>? self = null,
        EvaluationOptions? options = null,
        CancellationToken cancellationToken = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        options ??= new EvaluationOptions();
        options.Check();
        if (options.Relevance is not null)
        {
            throw new ArgumentException("Re-ranked places are measured by labels alone.", nameof(options));
        }

        self ??= [.. Enumerable.Repeat(-1, queries.Count)];
        var search = new LabelledSearch<T>(new LabelledSet<T>(queries, queryLabels), new LabelledSet<T>(gallery, galleryLabels), self);
        var first = new FirstPlaces<T>(reordered, galleryLabels);
        var table = Retrieval.Table(search, QueryMeasure.Of(options), first, cancellationToken);
        table.DemandMatch();
        return new RetrievalMetrics(table, options);
    }

    private static void Without<TItem>(int left, ReadOnlySpan<TItem> from, Span<TItem> to)
    {
        from[..left].CopyTo(to);
        from[Math.Min(left + 1, from.Length)..].CopyTo(to[left..]);
    }
}
