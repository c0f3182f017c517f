using CondEmbed.Search;

namespace CondEmbed.Evaluation;

/// <summary>
/// The similarities of every query to a whole gallery, a block of queries at a time. Every pair is summed in one order, so that equal embeddings have equal
/// similarities: in single precision by <see cref="PanelProduct"/>, in double precision by <see cref="DotProduct.Exact"/>, which is slower and rounds only once.
/// </summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
internal sealed unsafe class SimilarityRows<T> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int BlockBytes = 64 << 20;

    // Items that stay in cache while the queries of a block stream by.
    private const int Near = 64;

    private readonly Embeddings<T> queries;
    private readonly Embeddings<T> gallery;
    private readonly PanelRows? asked;
    private readonly PanelRows? items;

    /// <summary>Prepares the products of queries and items, both at unit length.</summary>
    internal SimilarityRows(Embeddings<T> queries, Embeddings<T> gallery)
    {
        (this.queries, this.gallery) = (queries, gallery);
        if (queries is Embeddings<float> singles && gallery is Embeddings<float> others)
        {
            asked = PanelRows.Of(singles);
            items = ReferenceEquals(queries, gallery) ? asked : PanelRows.Of(others);
        }
    }

    /// <summary>Visits every query with its similarity to each item, the queries of a block in parallel.</summary>
    internal void ForEach(Action<int, ReadOnlyMemory<T>> visit, int? rowsInBlock = null, CancellationToken cancellationToken = default)
    {
        var rows = rowsInBlock ?? (int)Math.Clamp(BlockBytes / ((long)Math.Max(gallery.Count, 1) * sizeof(T)), 1, 4096);
        var block = new T[Math.Min(rows, Math.Max(queries.Count, 1)) * (long)gallery.Count];
        for (var first = 0; first < queries.Count; first += rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (begin, count) = (first, Math.Min(rows, queries.Count - first));
            Compute(begin, count, block);
            ParallelWork.Each(count, row => visit(begin + row, block.AsMemory(row * gallery.Count, gallery.Count)), cancellationToken: cancellationToken);
        }
    }

    /// <summary>Q D -> Q G: the dot products of some queries, row after row.</summary>
    internal void Compute(int first, int count, T[] similarities)
    {
        if (asked is null || items is null)
        {
            ParallelWork.Each((gallery.Count + Near - 1) / Near, block => Exact(first, count, block * Near, similarities));
            return;
        }

        fixed (T* into = similarities)
        {
            var target = (nint)into;
            ParallelWork.Each((items.Panels + items.Near - 1) / items.Near, block => Compute(first, count, block * items.Near, (float*)target, asked, items));
        }
    }

    public void Dispose()
    {
        asked?.Dispose();
        items?.Dispose();
    }

    private void Exact(int first, int count, int begin, T[] into)
    {
        for (var row = 0; row < count; row++)
        {
            var query = MemoryMarshal.Cast<T, double>(queries.Row(first + row));
            for (var item = begin; item < Math.Min(begin + Near, gallery.Count); item++)
            {
                into[(row * gallery.Count) + item] = T.CreateTruncating(DotProduct.Exact(query, MemoryMarshal.Cast<T, double>(gallery.Row(item))));
            }
        }
    }

    // Some rows, and as many panels of items as a core keeps near itself.
    private static void Compute(int first, int count, int panel, float* into, PanelRows asked, PanelRows items)
    {
        using var room = new AlignedRoom(PanelProduct.TileLength * sizeof(float));
        var tile = (float*)room.Start;
        for (var row = first / PanelRows.Width; row * PanelRows.Width < first + count; row++)
        {
            for (var column = panel; column < Math.Min(panel + items.Near, items.Panels); column++)
            {
                PanelProduct.Tile(asked[row], items[column], items.Dimension, tile);
                Copy(tile, row * PanelRows.Width, first, count, column, into, items);
            }
        }
    }

    private static void Copy(float* tile, int query, int first, int count, int column, float* into, PanelRows items)
    {
        for (var row = Math.Max(0, first - query); row < PanelRows.Width && query + row < first + count; row++)
        {
            var from = new ReadOnlySpan<float>(tile + (row * PanelRows.Width), items.RowsIn(column));
            from.CopyTo(new Span<float>(into + ((long)(query + row - first) * items.Count) + (column * PanelRows.Width), from.Length));
        }
    }
}
