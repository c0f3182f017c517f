using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Unicode;

namespace CondEmbed.Search;

/// <summary>
/// The first page of an index file; all numbers little-endian. After it come the embeddings, N D float32, then the texts: 2 N + 1 int64, where each text begins
/// among the bytes that follow them, and those bytes, UTF-8: id and label of the first image, id and label of the second, and so on. In format 2, which is for files
/// that have them, codes of the embeddings (<see cref="RowCodes"/>) lie between these two, and what is before and after them is filled up to a multiple of 64 bytes.
/// </summary>
/// <param name="Dimension">D, the length of an embedding.</param>
/// <param name="Count">N, the number of embeddings.</param>
/// <param name="TextLength">Bytes of the texts with their places.</param>
/// <param name="Fingerprint">That of the network.</param>
/// <param name="EmbeddingSum">SHA-256 of the embeddings.</param>
/// <param name="TextSum">SHA-256 of the texts with their places.</param>
/// <param name="CodeSum">SHA-256 of the codes; null if there are none.</param>
internal sealed record IndexHeader(
    int Dimension, int Count, long TextLength, string Fingerprint, byte[] EmbeddingSum, byte[] TextSum, byte[]? CodeSum = null)
{
    /// <summary>Bytes of the header: a page, so that the embeddings after it are aligned.</summary>
    internal const int Length = 4096;

    private const int Plain = 1;
    private const int WithCodes = 2;
    private const int CodeSumAt = 2176;
    private const int SumAt = Length - SHA256.HashSizeInBytes;
    private const int MostFingerprint = 2048;

    /// <summary>The most numbers in an embedding.</summary>
    internal const int MostDimension = 1 << 20;

    private static ReadOnlySpan<byte> Magic => "CEINDEX\n"u8;

    internal long EmbeddingLength => (long)Count * Dimension * sizeof(float);

    /// <summary>How the codes lie; null if there are none.</summary>
    internal RowCodes? Codes => CodeSum is null ? null : new RowCodes(Dimension, Count);

    /// <summary>Where the codes begin, if there are any.</summary>
    internal long CodesAt => Aligned(Length + EmbeddingLength);

    /// <summary>Where the texts begin.</summary>
    internal long TextsAt => Codes is { } codes ? Aligned(CodesAt + codes.Length) : Length + EmbeddingLength;

    internal long FileLength => TextsAt + TextLength;

    /// <summary>Bytes of the places of the texts.</summary>
    internal long PlacesLength => ((2L * Count) + 1) * sizeof(long);

    internal byte[] ToBytes()
    {
        var page = new byte[Length];
        Magic.CopyTo(page);
        BinaryPrimitives.WriteInt32LittleEndian(page.AsSpan(8), CodeSum is null ? Plain : WithCodes);
        BinaryPrimitives.WriteInt32LittleEndian(page.AsSpan(12), Dimension);
        BinaryPrimitives.WriteInt64LittleEndian(page.AsSpan(16), Count);
        BinaryPrimitives.WriteInt64LittleEndian(page.AsSpan(24), TextLength);
        EmbeddingSum.CopyTo(page.AsSpan(32));
        TextSum.CopyTo(page.AsSpan(64));
        var fingerprint = Encoding.UTF8.GetBytes(Fingerprint);
        BinaryPrimitives.WriteInt32LittleEndian(page.AsSpan(96), fingerprint.Length);
        fingerprint.CopyTo(page.AsSpan(100, MostFingerprint));
        CodeSum?.CopyTo(page.AsSpan(CodeSumAt));
        SHA256.HashData(page.AsSpan(0, SumAt), page.AsSpan(SumAt));
        return page;
    }

    /// <summary>Reads the first page of a file, which may be shorter.</summary>
    /// <exception cref="InputException">It is not such a header, or is damaged, or the file is of another length.</exception>
    internal static IndexHeader Of(string path, ReadOnlySpan<byte> page, long fileLength)
    {
        if (GitLfs.IsPointer(page))
        {
            throw new InputException($"{path}: {GitLfs.Reason}.");
        }

        if (!page.StartsWith(Magic))
        {
            throw new InputException($"{path}: not an index of images. Give a file that ImageIndex.Save wrote.");
        }

        if (page.Length < Length)
        {
            throw Damaged(path, "it ends within its header");
        }

        var version = BinaryPrimitives.ReadInt32LittleEndian(page[8..]);
        if (version is not (Plain or WithCodes))
        {
            throw new InputException($"{path}: the index has format {version}; this program reads formats {Plain} and {WithCodes}. Build it again.");
        }

        if (!SHA256.HashData(page[..SumAt]).AsSpan().SequenceEqual(page[SumAt..Length]))
        {
            throw Damaged(path, "its header differs from what was written");
        }

        // Within these bounds no sum or product of them leaves 64 bits. A checksum is not a signature, so they are enforced even if it is right.
        var dimension = Within("dimension", BinaryPrimitives.ReadInt32LittleEndian(page[12..]), 1, MostDimension);
        var count = Within("count", BinaryPrimitives.ReadInt64LittleEndian(page[16..]), 0, int.MaxValue - RowCodes.Rows);
        var textLength = Within("length of the texts", BinaryPrimitives.ReadInt64LittleEndian(page[24..]), ((2 * count) + 1) * sizeof(long), 1L << 60);
        var fingerprint = page.Slice(100, (int)Within("length of fingerprint", BinaryPrimitives.ReadInt32LittleEndian(page[96..]), 0, MostFingerprint));
        if (!Utf8.IsValid(fingerprint))
        {
            throw Damaged(path, "the field 'fingerprint' of its header is not UTF-8");
        }

        var codeSum = version == WithCodes ? page.Slice(CodeSumAt, SHA256.HashSizeInBytes).ToArray() : null;
        var header = new IndexHeader((int)dimension, (int)count, textLength, Encoding.UTF8.GetString(fingerprint), page[32..64].ToArray(), page[64..96].ToArray(), codeSum);
        return fileLength == header.FileLength
            ? header
            : throw Damaged(path, $"it has {fileLength} bytes, not {header.FileLength} as its header says");

        long Within(string field, long value, long least, long most) => value >= least && value <= most
            ? value
            : throw Damaged(path, $"the field '{field}' of its header is {value}, but must be from {least} to {most}");
    }

    /// <summary>The error for a file that is not what was written.</summary>
    internal static InputException Damaged(string path, string what) => new($"{path}: the index is damaged: {what}. Build it again.");

    /// <summary>The next multiple of what a register holds.</summary>
    internal static long Aligned(long place) => (place + 63) / 64 * 64;

    /// <summary>Why a fingerprint cannot be stored in an index; null if it can.</summary>
    internal static string? ProblemOf(string fingerprint) =>
        Encoding.UTF8.GetByteCount(fingerprint) > MostFingerprint ? $"a fingerprint has at most {MostFingerprint} bytes" : null;
}
