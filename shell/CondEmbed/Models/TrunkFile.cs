using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace CondEmbed.Models;

/// <summary>
/// A file of rows of one length: a header of 64 bytes, a checksum for each row (zero while it is missing), then the rows. Little-endian. It is filled under a
/// temporary name, which a later process goes on with, and read by position.
/// </summary>
internal sealed class TrunkFile : IDisposable
{
    private const int HeaderLength = 64;

    private readonly string path;
    private readonly int rowLength;
    private readonly SafeFileHandle file;
    private readonly long[] sums;

    private TrunkFile(string path, SafeFileHandle file, byte[] header, int rows, int rowLength, bool isComplete)
    {
        (this.path, this.file, this.rowLength) = (path, file, rowLength);
        sums = new long[rows];
        var start = new byte[HeaderLength];
        var isKnown = Disk.Read(file, start, 0) == HeaderLength && start.AsSpan().SequenceEqual(header);

        if (isKnown)
        {
            Disk.Read(file, MemoryMarshal.AsBytes(sums.AsSpan()), HeaderLength);
        }

        if (isComplete && Missing > 0)
        {
            throw new InputException($"{path}: this file is damaged: it does not begin as it was written. Delete it, and it is made again.");
        }

        if (!isKnown)
        {
            RandomAccess.SetLength(file, 0);
            RandomAccess.Write(file, header, 0);
            RandomAccess.SetLength(file, LengthOf(rows, rowLength));
        }
    }

    /// <summary>Rows that are not there yet.</summary>
    internal int Missing => sums.Count(sum => sum == 0);

    /// <summary>Bytes of a file with so many rows.</summary>
    internal static long LengthOf(int rows, int rowLength) => HeaderLength + ((long)rows * (sizeof(long) + rowLength));

    /// <summary>
    /// The complete file, or the one under its temporary name that is still to be filled, and that nobody else fills meanwhile; null while somebody does.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="key">32 bytes that stand for what the rows are made of.</param>
    /// <param name="rows">How many.</param>
    /// <param name="rowLength">Bytes of each.</param>
    /// <exception cref="InputException">The file cannot be opened, or it is damaged.</exception>
    /// <exception cref="DiskException">The disk is full or failing.</exception>
    internal static TrunkFile? TryOpen(string path, byte[] key, int rows, int rowLength)
    {
        var header = Header(key, rows, rowLength);

        try
        {
            AtomicFile.MakeFolder(Path.GetDirectoryName(path)!);
            return File.Exists(path)
                ? new TrunkFile(path, File.OpenHandle(path), header, rows, rowLength, isComplete: true)
                : new TrunkFile(path, File.OpenHandle(PartOf(path), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None), header, rows, rowLength, isComplete: false);
        }
        catch (IOException problem) when (File.Exists(PartOf(path)) && !FileProblem.IsFull(problem))
        {
            return null;
        }
        catch (Exception problem) when (FileProblem.IsOfFile(problem))
        {
            throw FileProblem.OfWriting(path, problem);
        }
    }

    internal bool Has(int row) => sums[row] != 0;

    /// <summary>Writes a row, and then its checksum: a row that was cut off counts as missing.</summary>
    /// <exception cref="DiskException">The disk is full or failing.</exception>
    internal void Write(int row, ReadOnlySpan<byte> bytes)
    {
        try
        {
            RandomAccess.Write(file, bytes, PositionOf(row));
            sums[row] = ImageCacheFile.Sum(bytes);
            var sum = new byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(sum, sums[row]);
            RandomAccess.Write(file, sum, HeaderLength + ((long)row * sizeof(long)));
        }
        catch (Exception problem) when (FileProblem.IsOfFile(problem))
        {
            throw FileProblem.OfWriting(path, problem);
        }
    }

    /// <summary>Gives the filled file its name.</summary>
    internal void Finish()
    {
        if (File.Exists(PartOf(path)))
        {
            RandomAccess.FlushToDisk(file);
            File.Move(PartOf(path), path, overwrite: true);
        }
    }

    /// <summary>Reads a row that is there.</summary>
    /// <exception cref="InputException">The row is not as it was written.</exception>
    internal void Read(int row, Span<byte> into)
    {
        if (Disk.Read(file, into, PositionOf(row)) < into.Length || ImageCacheFile.Sum(into) != sums[row])
        {
            throw new InputException($"{path}: this file is damaged: row {row} is not as it was written. Delete it, and it is made again.");
        }
    }

    public void Dispose() => file.Dispose();

    private static string PartOf(string path) => path + ".part";

    private static byte[] Header(byte[] key, int rows, int rowLength)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write("CondEmbed trunk1"u8);
        writer.Write(key);
        writer.Write((long)rows);
        writer.Write((long)rowLength);
        return stream.ToArray();
    }

    private long PositionOf(int row) => HeaderLength + ((long)sums.Length * sizeof(long)) + ((long)row * rowLength);
}
