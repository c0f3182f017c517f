namespace CondEmbed.Search;

/// <summary>
/// The rows of an index in insertion order: those in the file that it was loaded from, which stay there, then those added since, in blocks of
/// memory, which never move while anybody reads.
/// </summary>
/// <param name="dimension">D, the length of an embedding.</param>
/// <param name="file">Where the first rows are; null where all are in memory.</param>
internal sealed unsafe class IndexRows(int dimension, IndexFile? file = null)
{
    /// <summary>Rows of a block of memory.</summary>
    internal const int BlockRows = 1024;

    // The bytes that a thread reads at a time for all queries: they should fit into the processor's cache.
    private const int PartNumbers = 1 << 17;

    private readonly List<float[]> blocks = [];
    private readonly List<IndexItem> items = [];

    /// <summary>D, the length of an embedding.</summary>
    internal int Dimension => dimension;

    internal int Count => InFile + items.Count;

    /// <summary>How many of the first rows are in the file.</summary>
    internal int InFile { get; } = file?.Count ?? 0;

    /// <summary>How the codes of the rows in the file lie there; null if there are none.</summary>
    internal RowCodes? Codes => file?.Codes;

    /// <summary>Rows of a part, which one thread searches at a time.</summary>
    internal static int PartRowsOf(int dimension) => Math.Clamp(PartNumbers / dimension / RowCodes.Rows * RowCodes.Rows, RowCodes.Rows, BlockRows);

    /// <summary>An embedding.</summary>
    /// <param name="row">Which row.</param>
    /// <param name="lent">D numbers, into which it is read if it is in the file.</param>
    internal ReadOnlySpan<float> EmbeddingOf(int row, Span<float> lent) =>
        row < InFile ? file!.EmbeddingOf(row, lent) : InMemory(row - InFile, 1);

    /// <summary>The numbers of some rows of a part: at least one, at most the given count.</summary>
    /// <param name="row">The first.</param>
    /// <param name="most">How many.</param>
    /// <param name="lent">Room for a part, into which it is read if it is in the file.</param>
    internal ReadOnlySpan<float> EmbeddingsFrom(int row, int most, AlignedRoom lent)
    {
        if (row >= InFile)
        {
            return InMemory(row - InFile, most);
        }

        var (part, from) = (row / file!.PartRows, row % file.PartRows);
        return file.EmbeddingsOf(part, lent)[(from * dimension)..(Math.Min(most + from, Math.Min(file.PartRows, InFile - (part * file.PartRows))) * dimension)];
    }

    /// <summary>The codes of a part of the rows in the file, followed by their scales.</summary>
    internal byte* CodesOf(int part, AlignedRoom lent) => file!.CodesOf(part, lent);

    /// <summary>Blocks of codes in a part.</summary>
    internal int CodeBlocksOf(int part) => file!.CodeBlocksOf(part);

    internal IndexItem ItemOf(int row) => row < InFile ? file!.ItemsFrom(row, 1)[0] : items[row - InFile];

    /// <summary>The items of some rows; those in the file are read many at a time where they lie one after another.</summary>
    internal IEnumerable<IndexItem> ItemsOf(IEnumerable<int> rows)
    {
        var (first, read) = (0, Array.Empty<IndexItem>());
        foreach (var row in rows)
        {
            if (row < InFile && (row < first || row >= first + read.Length))
            {
                (first, read) = (row, file!.ItemsFrom(row, Math.Min(BlockRows, InFile - row)));
            }

            yield return row < InFile ? read[row - first] : items[row - InFile];
        }
    }

    /// <summary>Adds a row.</summary>
    internal void Add(IndexItem item, ReadOnlySpan<float> embedding)
    {
        var place = items.Count % BlockRows;
        if (place == 0 && blocks.Count * BlockRows == items.Count)
        {
            blocks.Add(new float[checked(BlockRows * dimension)]);
        }

        embedding.CopyTo(blocks[^1].AsSpan(place * dimension, dimension));
        items.Add(item);
    }

    /// <summary>Drops rows in memory; the others move together in their order, and what they no longer need is freed. Nobody may be reading.</summary>
    /// <param name="keeps">Whether a row stays.</param>
    internal void Keep(Func<int, bool> keeps)
    {
        var kept = 0;
        for (var place = 0; place < items.Count; place++)
        {
            if (keeps(InFile + place))
            {
                InMemory(place, 1).CopyTo(blocks[kept / BlockRows].AsSpan(kept % BlockRows * dimension, dimension));
                items[kept++] = items[place];
            }
        }

        var needed = (kept + BlockRows - 1) / BlockRows;
        items.RemoveRange(kept, items.Count - kept);
        items.TrimExcess();
        blocks.RemoveRange(needed, blocks.Count - needed);
    }

    private ReadOnlySpan<float> InMemory(int row, int most)
    {
        var place = row % BlockRows;
        return blocks[row / BlockRows].AsSpan(place * dimension, Math.Min(most, BlockRows - place) * dimension);
    }
}
