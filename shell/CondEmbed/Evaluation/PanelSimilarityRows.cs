using System.Runtime.InteropServices;

namespace CondEmbed.Evaluation;

/// <summary>Dot products by <see cref="PanelProduct"/>, every pair summed in the same order.</summary>
internal sealed unsafe class PanelSimilarityRows(Embeddings<float> queries, Embeddings<float> gallery) : ISimilarityRows<float>
{
    private readonly PanelRows asked = PanelRows.Of(queries);
    private readonly PanelRows? items = ReferenceEquals(queries, gallery) ? null : PanelRows.Of(gallery);

    private PanelRows Items => items ?? asked;

    public float Uncertainty => 0;

    public void Compute(int first, int count, Span<float> similarities)
    {
        fixed (float* into = similarities)
        {
            var target = (nint)into;
            var blocks = (Items.Panels + Items.Near - 1) / Items.Near;
            _ = Parts.Do(blocks, () => true, (_, block) => Compute(first, count, block * Items.Near, (float*)target));
        }
    }

    public float Certain(int query, int item) => PanelProduct.Of(queries.Row(query), gallery.Row(item));

    public void Dispose()
    {
        asked.Dispose();
        items?.Dispose();
    }

    // Some rows, and as many panels of items as a core keeps near itself.
    private void Compute(int first, int count, int panel, float* into)
    {
        var tile = (float*)NativeMemory.AlignedAlloc(PanelProduct.TileLength * sizeof(float), 64);
        try
        {
            for (var row = first / PanelRows.Width; row * PanelRows.Width < first + count; row++)
            {
                for (var column = panel; column < Math.Min(panel + Items.Near, Items.Panels); column++)
                {
                    PanelProduct.Tile(asked[row], Items[column], Items.Dimension, tile);
                    Copy(tile, row * PanelRows.Width, first, count, column, into);
                }
            }
        }
        finally
        {
            NativeMemory.AlignedFree(tile);
        }
    }

    private void Copy(float* tile, int query, int first, int count, int column, float* into)
    {
        for (var row = Math.Max(0, first - query); row < PanelRows.Width && query + row < first + count; row++)
        {
            var from = new ReadOnlySpan<float>(tile + (row * PanelRows.Width), Items.RowsIn(column));
            from.CopyTo(new Span<float>(into + ((long)(query + row - first) * Items.Count) + (column * PanelRows.Width), from.Length));
        }
    }
}
