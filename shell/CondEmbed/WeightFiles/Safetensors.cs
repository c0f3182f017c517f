using System.Buffers.Binary;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using CondEmbed.Common;

namespace CondEmbed.WeightFiles;

/// <summary>
/// Reads and writes safetensors files: 8 bytes of header length, a JSON header padded with spaces to a multiple of 8 bytes, and the data without
/// gaps. Files written by this class or by the format's own library round-trip byte for byte.
/// </summary>
public static class Safetensors
{
    private const int LengthBytes = 8;

    /// <summary>The longest header that is read: 100 MB, as in the format's own library.</summary>
    public const long LongestHeader = 100_000_000;

    /// <summary>Reads a whole file.</summary>
    /// <exception cref="InputException">It cannot be read or violates the format; the message names the file and tensor.</exception>
    public static SafetensorsFile Read(string path)
    {
        try
        {
            using var file = File.OpenHandle(path);
            var length = RandomAccess.GetLength(file);
            var (json, dataBegin) = HeaderOf(path, file, length);
            var header = new SafetensorsHeader(path, length - dataBegin);
            var arrays = header.Parse(json).Select(entry => ReadArray(path, file, dataBegin, entry)).ToList();
            return new SafetensorsFile(arrays, header.Metadata);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path}: cannot be read: {problem.Message}");
        }
    }

    /// <summary>Writes a file atomically.</summary>
    /// <exception cref="ArgumentException">Two arrays have the same name, or a name is <c>__metadata__</c>.</exception>
    public static void Write(string path, IReadOnlyList<NamedArray> arrays, IEnumerable<KeyValuePair<string, string>>? metadata = null) =>
        AtomicFile.Write(path, stream => Write(stream, arrays, metadata));

    /// <summary>Writes to a stream.</summary>
    /// <exception cref="ArgumentException">Two arrays have the same name, or a name is <c>__metadata__</c>.</exception>
    public static void Write(Stream stream, IReadOnlyList<NamedArray> arrays, IEnumerable<KeyValuePair<string, string>>? metadata = null)
    {
        var json = HeaderOf(arrays, metadata);
        Span<byte> length = stackalloc byte[LengthBytes];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        stream.Write(length);
        stream.Write(json);
        foreach (var array in arrays)
        {
            stream.Write(array.Data.Span);
        }
    }

    private static (byte[] Json, long DataBegin) HeaderOf(string path, Microsoft.Win32.SafeHandles.SafeFileHandle file, long length)
    {
        var prefix = new byte[LengthBytes];
        if (length < LengthBytes)
        {
            throw new InputException($"{path}: not a valid safetensors file: {length} bytes are too few");
        }

        ReadExactly(file, prefix, 0);
        var header = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (header > (ulong)Math.Min(LongestHeader, length - LengthBytes))
        {
            throw new InputException(
                $"{path}: not a valid safetensors file: it declares a header of {header} bytes; there are {length - LengthBytes}, "
                + $"and at most {LongestHeader} are allowed");
        }

        var json = new byte[header];
        ReadExactly(file, json, LengthBytes);
        return (json, LengthBytes + (long)header);
    }

    private static NamedArray ReadArray(string path, Microsoft.Win32.SafeHandles.SafeFileHandle file, long dataBegin, SafetensorsEntry entry)
    {
        if (entry.End - entry.Begin > Array.MaxLength)
        {
            throw new InputException($"{path}: tensor '{entry.Name}' of {entry.End - entry.Begin} bytes is too large to be read");
        }

        var data = new byte[entry.End - entry.Begin];
        ReadExactly(file, data, dataBegin + entry.Begin);
        return new NamedArray(entry.Name, entry.Type, entry.Shape, data);
    }

    private static void ReadExactly(Microsoft.Win32.SafeHandles.SafeFileHandle file, Span<byte> into, long offset)
    {
        while (into.Length > 0)
        {
            var read = RandomAccess.Read(file, into, offset);
            if (read == 0)
            {
                throw new EndOfStreamException("the file ended while it was read");
            }

            into = into[read..];
            offset += read;
        }
    }

    private static byte[] HeaderOf(IReadOnlyList<NamedArray> arrays, IEnumerable<KeyValuePair<string, string>>? metadata)
    {
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            if (metadata is not null)
            {
                writer.WriteStartObject("__metadata__");
                foreach (var (name, text) in metadata)
                {
                    writer.WriteString(name, text);
                }

                writer.WriteEndObject();
            }

            WriteEntries(writer, arrays);
            writer.WriteEndObject();
        }

        var padding = (LengthBytes - (json.Length % LengthBytes)) % LengthBytes;
        json.Write(Encoding.ASCII.GetBytes(new string(' ', (int)padding)));
        return json.ToArray();
    }

    private static void WriteEntries(Utf8JsonWriter writer, IReadOnlyList<NamedArray> arrays)
    {
        var names = new HashSet<string>(StringComparer.Ordinal) { "__metadata__" };
        long at = 0;
        foreach (var array in arrays)
        {
            if (!names.Add(array.Name))
            {
                throw new ArgumentException($"the name '{array.Name}' is reserved or used twice", nameof(arrays));
            }

            writer.WriteStartObject(array.Name);
            writer.WriteString("dtype", SafetensorsTypes.NameOf(array.Type));
            WriteNumbers(writer, "shape", array.Shape);
            WriteNumbers(writer, "data_offsets", [at, at + array.Data.Length]);
            writer.WriteEndObject();
            at += array.Data.Length;
        }
    }

    private static void WriteNumbers(Utf8JsonWriter writer, string name, IEnumerable<long> numbers)
    {
        writer.WriteStartArray(name);
        foreach (var number in numbers)
        {
            writer.WriteNumberValue(number);
        }

        writer.WriteEndArray();
    }
}
