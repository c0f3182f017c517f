using System.Buffers;
using System.IO.Compression;

namespace CondEmbed.Datasets;

/// <summary>
/// Reads level 5 MAT-files, MATLAB's default ("MAT-File Format", The MathWorks): numbers, text, cells and structs, either
/// byte order, compressed or not. The sizes of files and of their unpacked content are bounded, so that no file can exhaust memory.
/// </summary>
internal static class MatFile
{
    /// <summary>The most bytes of a file, and of all its elements unpacked: twice the size of the largest known data-set list.</summary>
    internal const int MostBytes = 16 << 20;

    private const int HeaderBytes = 128;
    private const int Matrix = 14;
    private const int Compressed = 15;

    /// <summary>The variables of a file by name.</summary>
    /// <exception cref="InputException">The file cannot be read, is not such a file, is damaged, or is too large.</exception>
    internal static IReadOnlyDictionary<string, MatArray> Read(string path) => Parse(path, Bytes(path));

    /// <summary>The variables of a file that was read before.</summary>
    /// <exception cref="InputException">It is not such a file, is damaged, or is too large.</exception>
    internal static IReadOnlyDictionary<string, MatArray> Parse(string path, byte[] bytes)
    {
        if (bytes.Length < HeaderBytes || !IsLevel5(bytes, out var bigEndian))
        {
            throw new InputException(
                $"{path}: not a level 5 MAT-file{(IsHdf5(bytes) ? " but a version 7.3 (HDF5) one" : "")}; save it in MATLAB with save(..., '-v7')");
        }

        var variables = new Dictionary<string, MatArray>(StringComparer.Ordinal);
        var elements = new MatElements(bytes.AsMemory(HeaderBytes), bigEndian, path);
        var budget = MostBytes;
        while (elements.Left >= 8)
        {
            // A compressed element is not padded: the next one follows at once.
            var element = elements.Next(padded: false);
            if (element.Type == Compressed)
            {
                var unpacked = Unpack(element.Data, budget, elements);
                budget -= unpacked.Length;
                element = elements.Inside(unpacked).Next();
            }

            if (element.Type == Matrix)
            {
                var (name, value) = MatParser.Parse(elements.Inside(element.Data));
                variables[name] = value;
            }
        }

        return variables;
    }

    private static byte[] Bytes(string path) => FileProblem.ReadingFile(path, () =>
        FileLength.Of(path) <= MostBytes
            ? File.ReadAllBytes(path)
            : throw new InputException($"{path}: larger than {MostBytes >> 20} MiB, larger than any data-set list"));

    // The last two header bytes are the letters MI as a 16-bit number of the writer's machine; the version 0x0100 precedes them.
    private static bool IsLevel5(ReadOnlySpan<byte> bytes, out bool bigEndian)
    {
        bigEndian = bytes[126] == 'M';
        return bigEndian
            ? bytes[127] == 'I' && bytes[124] == 1 && bytes[125] == 0
            : bytes[126] == 'I' && bytes[127] == 'M' && bytes[124] == 0 && bytes[125] == 1;
    }

    private static bool IsHdf5(ReadOnlySpan<byte> bytes) => bytes.StartsWith("MATLAB 7.3"u8);

    private static byte[] Unpack(ReadOnlyMemory<byte> packed, int budget, MatElements elements)
    {
        using var bytes = new MemoryStream(packed.ToArray(), writable: false);
        using var source = new ZLibStream(bytes, CompressionMode.Decompress);
        using var unpacked = new MemoryStream();
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 16);
        try
        {
            for (int count; (count = source.Read(buffer)) > 0; unpacked.Write(buffer, 0, count))
            {
                if (unpacked.Length + count > budget)
                {
                    throw elements.Wrong($"it unpacks to more than {MostBytes >> 20} MiB");
                }
            }
        }
        catch (Exception problem) when (problem is InvalidDataException or IOException)
        {
            // A ZLibException is an IOException.
            throw elements.Wrong($"a compressed element is damaged ({problem.Message.TrimEnd('.')})");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return unpacked.ToArray();
    }
}
