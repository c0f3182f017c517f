using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace CondEmbed.Search;

/// <summary>
/// An open index file. What a search reads stays in memory, up to half of what the process may use; the rest is read each time. It is not memory-mapped,
/// because a mapped file that another program truncates kills the process. Here that is an <see cref="InputException"/>, as is any invalid number in the file.
/// </summary>
internal sealed unsafe class IndexFile : IDisposable
{
    // No text is longer than a string can be.
    private const long MostText = 0x3FFFFFDF;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string path;
    private readonly IndexHeader header;
    private readonly SafeFileHandle handle;
    private readonly IndexBlocks embeddings;
    private readonly IndexBlocks codes;

    private IndexFile(string path, long memory)
    {
        this.path = path;
        handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        var page = new byte[IndexHeader.Length];
        header = handle.OrDispose(opened => IndexHeader.Of(path, page.AsSpan(0, Disk.Read(opened, page, 0)), RandomAccess.GetLength(opened)));
        Codes = header.Codes;
        PartRows = IndexRows.PartRowsOf(Dimension);
        var parts = (int)(((long)Count + PartRows - 1) / PartRows);
        var budget = new IndexBlocks.Budget(memory);
        embeddings = new IndexBlocks(parts, part => RowsOf(part) * Dimension * sizeof(float), (part, into) => Read(EmbeddingAt(part * PartRows), into), budget);
        codes = new IndexBlocks(Codes is null ? 0 : parts, CodeLengthOf, ReadCodes, budget);
    }

    internal int Dimension => header.Dimension;

    internal int Count => header.Count;

    internal string Fingerprint => header.Fingerprint;

    /// <summary>How the codes of the embeddings lie; null if there are none.</summary>
    internal RowCodes? Codes { get; }

    private long TextBytesAt => header.TextsAt + header.PlacesLength;

    private long TextBytes => header.TextLength - header.PlacesLength;

    /// <summary>Rows that are read, and kept, together.</summary>
    internal int PartRows { get; }

    /// <summary>Opens a file, checking its header and length.</summary>
    /// <param name="path">The file.</param>
    /// <param name="memory">Bytes of it that may stay in memory; null for half of what the process may have.</param>
    /// <exception cref="InputException">It is not such a file.</exception>
    internal static IndexFile Open(string path, long? memory = null)
    {
        try
        {
            return new IndexFile(path, memory ?? (GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new InputException(
                Directory.Exists(path) ? $"{path}: is a folder, not an index; name the file that ImageIndex.Save wrote."
                : problem is FileNotFoundException or DirectoryNotFoundException ? $"{path}: the index cannot be read: there is no such file. Build it with ImageIndex.BuildAsync and Save."
                : $"{path}: the index cannot be read: {problem.Message}");
        }
    }

    /// <summary>The embeddings of a part, where they are kept or in the room that is lent for them.</summary>
    internal ReadOnlySpan<float> EmbeddingsOf(int part, AlignedRoom lent) => new(embeddings.Of(part, lent), RowsOf(part) * Dimension);

    /// <summary>One embedding.</summary>
    internal ReadOnlySpan<float> EmbeddingOf(int row, Span<float> lent)
    {
        var part = (float*)embeddings.Kept(row / PartRows);
        if (part != null)
        {
            return new(part + ((long)(row % PartRows) * Dimension), Dimension);
        }

        var numbers = lent[..Dimension];
        Read(EmbeddingAt(row), MemoryMarshal.AsBytes(numbers));
        return numbers;
    }

    /// <summary>The codes of a part, and behind them its scales.</summary>
    internal byte* CodesOf(int part, AlignedRoom lent) => codes.Of(part, lent);

    /// <summary>Blocks of codes in a part.</summary>
    internal int CodeBlocksOf(int part) => (RowsOf(part) + RowCodes.Rows - 1) / RowCodes.Rows;

    /// <summary>The ids and labels of some rows that lie one after another.</summary>
    internal IndexItem[] ItemsFrom(int row, int count)
    {
        var places = new long[(2 * count) + 1];
        Read(header.TextsAt + (2L * row * sizeof(long)), MemoryMarshal.AsBytes(places.AsSpan()));
        Demand(0, places);
        if (places[^1] - places[0] > MostText)
        {
            // Only of very long labels are so few rows so much.
            return count == 1 ? throw Damaged("a label is longer than a text can be") : [.. ItemsFrom(row, count / 2), .. ItemsFrom(row + (count / 2), count - (count / 2))];
        }

        var bytes = new byte[places[^1] - places[0]];
        Read(TextBytesAt + places[0], bytes);
        var items = new IndexItem[count];
        for (var at = 0; at < count; at++)
        {
            items[at] = new IndexItem(Text(2 * at), Text((2 * at) + 1));
            if (items[at].Id.Length == 0)
            {
                throw Damaged("an image has no id");
            }
        }

        return items;

        string Text(int number)
        {
            try
            {
                return Strict.GetString(bytes, (int)(places[number] - places[0]), (int)(places[number + 1] - places[number]));
            }
            catch (DecoderFallbackException)
            {
                throw Damaged("an id or a label is not UTF-8");
            }
        }
    }

    /// <summary>Reads where all ids and labels are, and their bytes.</summary>
    /// <exception cref="InputException">They have changed since they were written.</exception>
    internal void CheckTexts()
    {
        var before = 0L;
        Check(header.TextSum, header.TextsAt, header.TextLength, "its ids and labels differ", (at, bytes) =>
            before = Demand(before, MemoryMarshal.Cast<byte, long>(bytes[..(int)Math.Clamp(header.PlacesLength - at, 0, bytes.Length)])));
    }

    /// <summary>Reads all embeddings, and their codes.</summary>
    /// <exception cref="InputException">They have changed since they were written, or are not of length 1.</exception>
    internal void CheckEmbeddings()
    {
        Check(header.EmbeddingSum, IndexHeader.Length, header.EmbeddingLength, "its embeddings differ");
        if (header.CodeSum is { } sum)
        {
            Check(sum, header.CodesAt, Codes!.Length, "the codes of its embeddings differ");
        }

        var room = new float[Dimension];
        for (var row = 0; row < Count; row++)
        {
            var numbers = EmbeddingOf(row, room);
            if (!(Math.Abs(DotProduct.Of(numbers, numbers) - 1) < 0.001f))
            {
                throw Damaged($"the embedding of image {row} is not of length 1");
            }
        }
    }

    /// <summary>The error for a file whose checksums are right but which is not a valid index.</summary>
    internal InputException Damaged(string what) => IndexHeader.Damaged(path, what);

    public void Dispose()
    {
        handle.Dispose();
        embeddings.Free();
        codes.Free();
    }

    private int RowsOf(int part) => Math.Min(PartRows, Count - (part * PartRows));

    private long EmbeddingAt(int row) => IndexHeader.Length + ((long)row * Dimension * sizeof(float));

    private int CodeLengthOf(int part) => CodeBlocksOf(part) * (Codes!.BlockLength + RowCodes.ScalesLength);

    private void ReadCodes(int part, Span<byte> into)
    {
        var first = (long)part * (PartRows / RowCodes.Rows);
        var length = CodeBlocksOf(part) * Codes!.BlockLength;
        Read(header.CodesAt + (first * Codes.BlockLength), into[..length]);
        Read(header.CodesAt + Codes.ScalesAt + (first * RowCodes.ScalesLength), into[length..]);
    }

    private void Read(long at, Span<byte> into)
    {
        try
        {
            if (Disk.Read(handle, into, at) < into.Length)
            {
                throw new InputException($"{path}: the index was cut off while it was in use. Build it again; replace an index in use only by renaming another file over it.");
            }
        }
        catch (Exception problem) when (FileProblem.IsOfFile(problem))
        {
            throw new InputException($"{path}: the index can no longer be read: {problem.Message}");
        }
    }

    // Each text begins where the one before it ends, within the bytes of all.
    private long Demand(long before, ReadOnlySpan<long> places)
    {
        foreach (var place in places)
        {
            if (place < before || place > TextBytes)
            {
                throw Damaged("the offsets of its ids and labels are out of order");
            }

            before = place;
        }

        return before;
    }

    private void Check(byte[] expected, long start, long length, string what, Action<long, ReadOnlySpan<byte>>? sees = null)
    {
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[Math.Min(length, 1 << 16)];
        for (var at = 0L; at < length; at += buffer.Length)
        {
            var bytes = buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - at));
            Read(start + at, bytes);
            sum.AppendData(bytes);
            sees?.Invoke(at, bytes);
        }

        if (!sum.GetHashAndReset().AsSpan().SequenceEqual(expected))
        {
            throw Damaged($"{what} from what was written");
        }
    }
}
