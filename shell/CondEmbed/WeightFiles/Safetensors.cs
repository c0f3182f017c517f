using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json.Nodes;
using Microsoft.Win32.SafeHandles;

namespace CondEmbed.WeightFiles;

/// <summary>
/// Reads and writes safetensors files: 8 bytes of header length, a JSON header padded with spaces to a multiple of 8 bytes, and the data without
/// gaps. Files written by this class or by the format's own library round-trip byte for byte.
/// </summary>
public static class Safetensors
{
    private const int LengthBytes = 8;
    private const string Metadata = "__metadata__";

    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The longest header that is read: 100 MB, as in the format's own library.</summary>
    public const long LongestHeader = 100_000_000;

    /// <summary>Reads a whole file.</summary>
    /// <exception cref="InputException">It cannot be read or violates the format; the message names the file and tensor.</exception>
    public static WeightFile Read(string path)
    {
        try
        {
            using var file = File.OpenHandle(path);
            var length = RandomAccess.GetLength(file);
            var (json, dataBegin) = HeaderOf(path, file, length);
            var header = new SafetensorsHeader(path, length - dataBegin);
            var arrays = header.Parse(json).Select(entry => ReadArray(path, file, dataBegin, entry)).ToList();
            return new WeightFile(path, "safetensors", arrays, header.Metadata, []);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or NotSupportedException)
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

    private static (byte[] Json, long DataBegin) HeaderOf(string path, SafeFileHandle file, long length)
    {
        if (length < LengthBytes)
        {
            throw new InputException($"{path}: not a valid safetensors file: {length} bytes are too few");
        }

        var header = BinaryPrimitives.ReadUInt64LittleEndian(Bytes(file, 0, LengthBytes));
        if (header > (ulong)Math.Min(LongestHeader, length - LengthBytes))
        {
            throw new InputException(
                $"{path}: not a valid safetensors file: it declares a header of {header} bytes; there are {length - LengthBytes}, "
                + $"and at most {LongestHeader} are allowed");
        }

        return (Bytes(file, LengthBytes, (long)header), LengthBytes + (long)header);
    }

    private static NamedArray ReadArray(string path, SafeFileHandle file, long dataBegin, SafetensorsEntry entry)
    {
        if (entry.End - entry.Begin > Array.MaxLength)
        {
            throw new InputException($"{path}: tensor '{entry.Name}' of {entry.End - entry.Begin} bytes is too large to be read");
        }

        return new NamedArray(entry.Name, entry.Type, entry.Shape, Bytes(file, dataBegin + entry.Begin, entry.End - entry.Begin));
    }

    private static byte[] Bytes(SafeFileHandle file, long at, long count)
    {
        var bytes = new byte[count];
        return Disk.Read(file, bytes, at) == count ? bytes : throw new EndOfStreamException("the file ended while it was read");
    }

    private static byte[] HeaderOf(IReadOnlyList<NamedArray> arrays, IEnumerable<KeyValuePair<string, string>>? metadata)
    {
        var header = new JsonObject();
        if (metadata is not null)
        {
            header[Metadata] = new JsonObject(metadata.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value)));
        }

        long at = 0;
        foreach (var array in arrays)
        {
            var entry = new JsonObject { ["dtype"] = array.Type.Name(), ["shape"] = Numbers(array.Shape), ["data_offsets"] = Numbers([at, at + array.Data.Length]) };
            if (array.Name == Metadata || !header.TryAdd(array.Name, entry))
            {
                throw new ArgumentException($"the name '{array.Name}' is reserved or used twice", nameof(arrays));
            }

            at += array.Data.Length;
        }

        var json = header.ToJsonString(Relaxed);
        return Encoding.UTF8.GetBytes(json + new string(' ', -Encoding.UTF8.GetByteCount(json) & (LengthBytes - 1)));
    }

    private static JsonArray Numbers(IEnumerable<long> numbers) => [.. numbers.Select(number => JsonValue.Create(number))];
}
