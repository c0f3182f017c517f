using System.IO.MemoryMappedFiles;
using System.Security.Cryptography;
using System.Text;

namespace CondEmbed.Serving;

/// <summary>
/// An index file in the address space of the process: what is read of it the system brings from the disk, and drops again where memory is short.
/// </summary>
internal sealed unsafe class MappedIndex : IDisposable
{
    private readonly string path;
    private readonly IndexHeader header;
    private readonly MemoryMappedViewAccessor view;
    private readonly byte* start;

    private MappedIndex(string path, IndexHeader header, MemoryMappedViewAccessor view)
    {
        (this.path, this.header, this.view) = (path, header, view);
        Codes = header.Codes;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
    }

    internal int Dimension => header.Dimension;

    internal int Count => header.Count;

    internal string Fingerprint => header.Fingerprint;

    /// <summary>How the codes of the embeddings lie; null where there are none.</summary>
    internal RowCodes? Codes { get; }

    private float* Embeddings => (float*)(start + IndexHeader.Length);

    private long* Places => (long*)(start + header.TextsAt);

    private byte* Texts => (byte*)(Places + (2L * Count) + 1);

    /// <summary>Opens a file whose header and length are as they were written.</summary>
    /// <exception cref="InputException">It is no such file.</exception>
    internal static MappedIndex Open(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1);
            var header = HeaderOf(path, stream);
            using var file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            return new MappedIndex(path, header, file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path}: the index cannot be read: {problem.Message}");
        }
    }

    internal ReadOnlySpan<float> EmbeddingOf(int row) => new(Embeddings + ((long)row * Dimension), Dimension);

    internal ReadOnlySpan<float> EmbeddingsFrom(int row, int count) => new(Embeddings + ((long)row * Dimension), count * Dimension);

    /// <summary>Where the codes of a block of rows begin, and its scales.</summary>
    internal (nint Codes, nint Scales) CodesOf(int block)
    {
        var codes = start + header.CodesAt;
        return ((nint)(codes + ((long)block * Codes!.BlockLength)), (nint)(codes + Codes.ScalesAt + ((long)block * 2 * RowCodes.Rows * sizeof(float))));
    }

    internal IndexItem ItemOf(int row) => new(TextOf(2L * row), TextOf((2L * row) + 1));

    internal string IdOf(int row) => TextOf(2L * row);

    /// <summary>Reads all ids and labels.</summary>
    /// <exception cref="InputException">They are not as they were written.</exception>
    internal void CheckTexts()
    {
        Check(header.TextSum, (byte*)Places, header.TextLength, "its ids and labels are");
        var end = header.TextLength - (((2L * Count) + 1) * sizeof(long));
        for (var number = 0L; number < 2L * Count; number++)
        {
            if (Places[number] < 0 || Places[number] > Places[number + 1] || Places[number + 1] > end)
            {
                throw new InputException($"{path}: the index is damaged: its ids and labels have no order. Build it anew.");
            }
        }
    }

    /// <summary>Reads all embeddings, and their codes.</summary>
    /// <exception cref="InputException">They are not as they were written.</exception>
    internal void CheckEmbeddings()
    {
        Check(header.EmbeddingSum, (byte*)Embeddings, header.EmbeddingLength, "its embeddings are");
        if (header.CodeSum is { } sum)
        {
            Check(sum, start + header.CodesAt, Codes!.Length, "the codes of its embeddings are");
        }
    }

    public void Dispose()
    {
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
    }

    private static IndexHeader HeaderOf(string path, FileStream stream)
    {
        var page = new byte[IndexHeader.Length];
        var header = IndexHeader.Of(path, page.AsSpan(0, stream.ReadAtLeast(page, page.Length, throwOnEndOfStream: false)));
        if (!header.IsSane)
        {
            throw new InputException($"{path}: the index is damaged: its header holds numbers that no index has. Build it anew.");
        }

        return stream.Length == header.FileLength
            ? header
            : throw new InputException($"{path}: the index is damaged: it has {stream.Length} bytes, not {header.FileLength} as its header says. Build it anew.");
    }

    private string TextOf(long number) => Encoding.UTF8.GetString(Texts + Places[number], (int)(Places[number + 1] - Places[number]));

    private void Check(byte[] expected, byte* bytes, long length, string what)
    {
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        const int AtOnce = 1 << 24;
        for (var at = 0L; at < length; at += AtOnce)
        {
            sum.AppendData(new ReadOnlySpan<byte>(bytes + at, (int)Math.Min(AtOnce, length - at)));
        }

        if (!sum.GetHashAndReset().AsSpan().SequenceEqual(expected))
        {
            throw new InputException($"{path}: the index is damaged: {what} not as they were written. Build it anew.");
        }
    }
}
