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

    private readonly List<float[]> blocks = [];
    private readonly List<IndexItem> items = [];

    /// <summary>D.</summary>
    internal int Dimension => dimension;

    internal int Count => Mapped + items.Count;

    /// <summary>How many of the first rows lie in the file.</summary>
    internal int Mapped { get; } = file?.Count ?? 0;

    /// <summary>How the codes of the rows in the file lie there; null where there are none.</summary>
    internal RowCodes? Codes => file?.Codes;

    internal ReadOnlySpan<float> EmbeddingOf(int row) =>
        row < Mapped
            ? file!.EmbeddingOf(row)
            : blocks[(row - Mapped) / BlockRows].AsSpan((row - Mapped) % BlockRows * dimension, dimension);

    /// <summary>The numbers of some rows that lie one after another, at least one and at most so many.</summary>
    internal ReadOnlySpan<float> EmbeddingsFrom(int row, int most)
    {
        if (row < Mapped)
        {
            return file!.EmbeddingsFrom(row, Math.Min(most, Mapped - row));
        }

        var place = (row - Mapped) % BlockRows;
        return blocks[(row - Mapped) / BlockRows].AsSpan(place * dimension, Math.Min(most, BlockRows - place) * dimension);
    }

    /// <summary>The codes of a block of rows in the file, and its scales.</summary>
    internal (nint Codes, nint Scales) CodesOf(int block) => file!.CodesOf(block);

    internal IndexItem ItemOf(int row) => row < Mapped ? file!.ItemOf(row) : items[row - Mapped];

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
