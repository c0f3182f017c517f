namespace CondEmbed.Search;

/// <content>Search.</content>
public sealed partial class ImageIndex
{
    /// <summary>The most similar images, most similar first; equally similar ones in the order in which they were added.</summary>
    /// <param name="query">An embedding, of <see cref="Dimension"/> numbers and any length above 0.</param>
    /// <param name="top">How many to find; fewer come back only where the index has fewer.</param>
    /// <param name="cancellationToken">Ends the search with an OperationCanceledException.</param>
    /// <exception cref="ArgumentException">The query has another number of numbers, or is not finite and of a length above 0.</exception>
    public IReadOnlyList<IndexHit> Search(ReadOnlySpan<float> query, int top, CancellationToken cancellationToken = default) =>
        Search([Unit(query, nameof(query))], top, null, cancellationToken)[0];

    /// <summary>The same among selected images only.</summary>
    internal IReadOnlyList<IndexHit> Search(ReadOnlySpan<float> query, int top, Func<IndexItem, bool>? wanted, CancellationToken cancellationToken) =>
        Search([Unit(query, nameof(query))], top, wanted, cancellationToken)[0];

    /// <summary>The same for many queries; the embeddings are read once for all of them.</summary>
    /// <param name="queries">Embeddings of <see cref="Dimension"/> numbers.</param>
    /// <param name="top">How many to find for each; fewer come back only where the index has fewer.</param>
    /// <param name="cancellationToken">Ends the search with an OperationCanceledException.</param>
    /// <exception cref="ArgumentException">A query has another number of numbers, or is not finite and of a length above 0.</exception>
    public IReadOnlyList<IReadOnlyList<IndexHit>> Search(Embeddings<float> queries, int top, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queries);
        return Search([.. Enumerable.Range(0, queries.Count).Select(query => Unit(queries.Row(query), nameof(queries)))], top, null, cancellationToken);
    }

    private IReadOnlyList<IReadOnlyList<IndexHit>> Search(float[][] queries, int top, Func<IndexItem, bool>? wanted, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(top);
        return Telemetry.Search.Run(() => Reading(() => Hits(Nearest(queries, Math.Min(top, rows.Count), wanted, cancellationToken))));
    }

    private Nearest[] Nearest(float[][] queries, int top, Func<IndexItem, bool>? wanted, CancellationToken cancellationToken) =>
        new IndexScan(rows, queries, top, row => !removed.Contains(row) && (wanted is null || wanted(rows.ItemOf(row)))).Find(cancellationToken);

    private IReadOnlyList<IndexHit>[] Hits(Nearest[] found) => [.. found.Select(HitsOf)];

    private IndexHit[] HitsOf(Nearest nearest)
    {
        var hits = new IndexHit[nearest.Count];
        for (var rank = 0; rank < hits.Length; rank++)
        {
            var (row, similarity) = nearest[rank];
            var item = rows.ItemOf(row);
            hits[rank] = new IndexHit(item.Id, item.Label, Math.Clamp(similarity, -1, 1));
        }

        return hits;
    }
}
