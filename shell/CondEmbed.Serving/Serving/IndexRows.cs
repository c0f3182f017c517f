namespace CondEmbed.Serving;

/// <summary>
/// The rows of an index in the order of their insertion: those of the file that it was loaded from, which stay there, then those added since, in blocks of
/// memory that never move.
/// </summary>
/// <param name="dimension">D.</param>
/// <param name="file">Where the first rows lie; null where all are in memory.</param>
internal sealed class IndexRows(int dimension, MappedIndex? file = null)
{
    /// <summary>Rows in a block of memory, and in what one thread searches at a time.</summary>
    internal const int BlockRows = 1024;

    private readonly int mapped = file?.Count ?? 0;
    private readonly List<float[]> blocks = [];
    private readonly List<IndexItem> items = [];

    internal int Count => mapped + items.Count;

    internal ReadOnlySpan<float> EmbeddingOf(int row) =>
        row < mapped
            ? file!.EmbeddingOf(row)
            : blocks[(row - mapped) / BlockRows].AsSpan((row - mapped) % BlockRows * dimension, dimension);

    internal IndexItem ItemOf(int row) => row < mapped ? file!.ItemOf(row) : items[row - mapped];

    /// <summary>Adds a row; its numbers are written by the caller.</summary>
    internal Span<float> Add(IndexItem item)
    {
        var place = items.Count % BlockRows;
        if (place == 0)
        {
            blocks.Add(new float[checked(BlockRows * dimension)]);
        }

        items.Add(item);
        return blocks[^1].AsSpan(place * dimension, dimension);
    }
}
