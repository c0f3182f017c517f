using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace CondEmbed.Serving;

/// <summary>
/// The first page of an index file; all numbers little-endian. After it come the embeddings, N D float32, then the texts: 2 N + 1 int64, where each text begins
/// among the bytes that follow them, and those bytes, UTF-8: id and label of the first picture, id and label of the second, and so on.
/// </summary>
/// <param name="Dimension">D.</param>
/// <param name="Count">N.</param>
/// <param name="TextLength">Bytes of the texts with their places.</param>
/// <param name="Fingerprint">That of the network.</param>
/// <param name="EmbeddingSum">SHA-256 of the embeddings.</param>
/// <param name="TextSum">SHA-256 of the texts with their places.</param>
internal sealed record IndexHeader(int Dimension, int Count, long TextLength, string Fingerprint, byte[] EmbeddingSum, byte[] TextSum)
{
    /// <summary>Bytes of the header: a page, so that the embeddings behind it lie as memory wants them.</summary>
    internal const int Length = 4096;

    private const int Version = 1;
    private const int SumAt = Length - SHA256.HashSizeInBytes;
    private const int MostFingerprint = 2048;

    private static ReadOnlySpan<byte> Magic => "CEINDEX\n"u8;

    internal long EmbeddingLength => (long)Count * Dimension * sizeof(float);

    internal long FileLength => Length + EmbeddingLength + TextLength;

    /// <summary>Whether the numbers can be those of an index; a sum is no signature.</summary>
    internal bool IsSane => Dimension > 0 && Count >= 0 && TextLength >= ((2L * Count) + 1) * sizeof(long);

    internal byte[] ToBytes()
    {
        var page = new byte[Length];
        Magic.CopyTo(page);
        BinaryPrimitives.WriteInt32LittleEndian(page.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(page.AsSpan(12), Dimension);
        BinaryPrimitives.WriteInt64LittleEndian(page.AsSpan(16), Count);
        BinaryPrimitives.WriteInt64LittleEndian(page.AsSpan(24), TextLength);
        EmbeddingSum.CopyTo(page.AsSpan(32));
        TextSum.CopyTo(page.AsSpan(64));
        var fingerprint = Encoding.UTF8.GetBytes(Fingerprint);
        BinaryPrimitives.WriteInt32LittleEndian(page.AsSpan(96), fingerprint.Length);
        fingerprint.CopyTo(page.AsSpan(100, MostFingerprint));
        SHA256.HashData(page.AsSpan(0, SumAt), page.AsSpan(SumAt));
        return page;
    }

    /// <summary>Reads the first page of a file, which may be shorter.</summary>
    /// <exception cref="InputException">It is no such header, or a damaged one.</exception>
    internal static IndexHeader Of(string path, ReadOnlySpan<byte> page)
    {
        if (!page.StartsWith(Magic))
        {
            throw new InputException($"{path}: this is no index of pictures. Give a file that ImageIndex.Save wrote.");
        }

        if (page.Length < Length)
        {
            throw new InputException($"{path}: the index is damaged: it ends within its header. Build it anew.");
        }

        var version = BinaryPrimitives.ReadInt32LittleEndian(page[8..]);
        if (version != Version)
        {
            throw new InputException($"{path}: the index has format {version}; this program reads format {Version}. Build it anew.");
        }

        if (!SHA256.HashData(page[..SumAt]).AsSpan().SequenceEqual(page[SumAt..Length]))
        {
            throw new InputException($"{path}: the index is damaged: its header is not as it was written. Build it anew.");
        }

        return new IndexHeader(
            BinaryPrimitives.ReadInt32LittleEndian(page[12..]),
            checked((int)BinaryPrimitives.ReadInt64LittleEndian(page[16..])),
            BinaryPrimitives.ReadInt64LittleEndian(page[24..]),
            Encoding.UTF8.GetString(page.Slice(100, BinaryPrimitives.ReadInt32LittleEndian(page[96..]))),
            page.Slice(32, SHA256.HashSizeInBytes).ToArray(),
            page.Slice(64, SHA256.HashSizeInBytes).ToArray());
    }

    /// <summary>Why a network of this fingerprint has no place in an index; null where it has.</summary>
    internal static string? ProblemOf(string fingerprint) =>
        Encoding.UTF8.GetByteCount(fingerprint) > MostFingerprint ? $"a fingerprint has at most {MostFingerprint} bytes" : null;
}
