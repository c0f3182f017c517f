using System.Numerics;

namespace CondEmbed.Evaluation;

/// <summary>Computes dot products of a block of queries with a whole gallery.</summary>
internal interface ISimilarityRows<T> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Q D -> Q G: the dot products of <paramref name="count"/> queries from <paramref name="first"/> on, row after row.</summary>
    void Compute(int first, int count, Span<T> similarities);

    /// <summary>How far a computed similarity can be from <see cref="Certain"/>; 0 if they are the same.</summary>
    T Uncertainty { get; }

    /// <summary>The similarity of one pair, by an order of summation that is the same for all pairs.</summary>
    T Certain(int query, int item);
}

/// <summary>How a block of similarities is computed, and how large it may be.</summary>
internal static class SimilarityRows
{
    // Below this many multiplications the plain loops are done before libtorch's libraries would be loaded.
    private const double WorthTorch = 2e9;

    // The block is held twice, once by torch and once by us.
    private const int BlockBytes = 64 << 20;

    internal static ISimilarityRows<T> Of<T>(Embeddings<T> queries, Embeddings<T> gallery)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        PanelProduct.IsSupported && queries is Embeddings<float> asked && gallery is Embeddings<float> items
            ? (ISimilarityRows<T>)(object)new PanelSimilarityRows(asked, items)
        : (double)queries.Count * gallery.Count * queries.Dimension < WorthTorch
            ? new PlainSimilarityRows<T>(queries, gallery)
        : new TorchSimilarityRows<T>(queries, gallery);

    /// <summary>The similarity of one pair: in double precision exact but for its last rounding, so that equal cosines are equal numbers.</summary>
    internal static T Certain<T>(Embeddings<T> queries, int query, Embeddings<T> gallery, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        queries is Embeddings<double> asked && gallery is Embeddings<double> items
            ? (T)(object)DotProduct.Exact(asked.Row(query), items.Row(item))
            : DotProduct.Of(queries.Row(query), gallery.Row(item));

    /// <summary>
    /// Visits every row of similarities, rows of a block in parallel: (query, its similarity to each gallery item). The visitor may write into it.
    /// </summary>
    internal static void ForEach<T>(
        ISimilarityRows<T> source,
        int queries,
        int gallery,
        Action<int, Memory<T>> visit,
        CancellationToken cancel,
        int? rowsInBlock = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var rows = rowsInBlock ?? RowsInBlock<T>(gallery);
        var block = new T[Math.Min(rows, Math.Max(queries, 1)) * (long)gallery];
        for (var first = 0; first < queries; first += rows)
        {
            cancel.ThrowIfCancellationRequested();
            var count = Math.Min(rows, queries - first);
            source.Compute(first, count, block.AsSpan(0, count * gallery));
            var begin = first;
            _ = Parts.Do(count, () => true, (_, row) => visit(begin + row, block.AsMemory(row * gallery, gallery)), cancel);
        }
    }

    private static unsafe int RowsInBlock<T>(int gallery)
        where T : unmanaged => (int)Math.Clamp(BlockBytes / ((long)Math.Max(gallery, 1) * sizeof(T)), 1, 4096);
}
