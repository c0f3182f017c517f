using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace CondEmbed.Search;

/// <summary>Writes index files; see <see cref="IndexHeader"/> for the format.</summary>
internal static class IndexWriter
{
    /// <summary>Writes some rows of an index, in the order given.</summary>
    internal static void Write(string path, IndexRows rows, IReadOnlyList<int> kept, string fingerprint, bool codes) =>
        AtomicFile.Write(path, stream =>
        {
            // The checksums are known only when everything is written, so the header is written last.
            stream.Position = IndexHeader.Length;
            using var embeddings = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            using var texts = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var room = new float[rows.Dimension];
            foreach (var row in kept)
            {
                Put(stream, embeddings, MemoryMarshal.AsBytes(rows.EmbeddingOf(row, room)));
            }

            var codeSum = codes ? PutCodes(stream, rows, kept) : null;
            var start = stream.Position;
            PutPlaces(stream, texts, rows, kept);
            foreach (var item in rows.ItemsOf(kept))
            {
                Put(stream, texts, Encoding.UTF8.GetBytes(item.Id));
                Put(stream, texts, Encoding.UTF8.GetBytes(item.Label));
            }

            var header = new IndexHeader(
                rows.Dimension, kept.Count, stream.Position - start, fingerprint, embeddings.GetHashAndReset(), texts.GetHashAndReset(), codeSum);
            stream.Position = 0;
            stream.Write(header.ToBytes());
        });

    private static byte[] PutCodes(Stream stream, IndexRows rows, IReadOnlyList<int> kept)
    {
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var codes = new RowCodes(rows.Dimension, kept.Count);
        var block = new byte[codes.BlockLength];
        var scales = new float[codes.Blocks * 2 * RowCodes.Rows];
        Fill(stream);
        for (var number = 0; number < codes.Blocks; number++)
        {
            var some = kept.Skip(number * RowCodes.Rows).Take(RowCodes.Rows).Select(row => rows.EmbeddingOf(row, new float[rows.Dimension]).ToArray());
            codes.Encode([.. some], block, scales.AsSpan(number * 2 * RowCodes.Rows, 2 * RowCodes.Rows));
            Put(stream, sum, block);
        }

        Put(stream, sum, MemoryMarshal.AsBytes(scales.AsSpan()));
        Fill(stream);
        return sum.GetHashAndReset();
    }

    private static void Fill(Stream stream) => stream.Write(new byte[IndexHeader.Aligned(stream.Position) - stream.Position]);

    private static void PutPlaces(Stream stream, IncrementalHash sum, IndexRows rows, IReadOnlyList<int> kept)
    {
        var place = 0L;
        Span<byte> number = stackalloc byte[sizeof(long)];
        Place(number, 0);
        foreach (var item in rows.ItemsOf(kept))
        {
            Place(number, Encoding.UTF8.GetByteCount(item.Id));
            Place(number, Encoding.UTF8.GetByteCount(item.Label));
        }

        void Place(Span<byte> number, int length)
        {
            place += length;
            BinaryPrimitives.WriteInt64LittleEndian(number, place);
            Put(stream, sum, number);
        }
    }

    private static void Put(Stream stream, IncrementalHash sum, ReadOnlySpan<byte> bytes)
    {
        stream.Write(bytes);
        sum.AppendData(bytes);
    }
}
