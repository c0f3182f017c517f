using System.Buffers.Binary;
using System.Text.RegularExpressions;

namespace CondEmbed.WeightFiles;

/// <summary>
/// Reads and writes NumPy's <c>.npy</c> files, versions 1 to 3: magic number, version, header length, a header that is the text of
/// a Python dictionary (<c>descr</c>, <c>fortran_order</c>, <c>shape</c>), and the elements in C order. Big-endian elements are byte-swapped, and
/// unsigned ones of two bytes and more become signed ones of eight.
/// </summary>
public static partial class Npy
{
    private const int Alignment = 64;

    private static readonly byte[] Magic = [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    private static readonly Dictionary<string, ElementType> Types = new(StringComparer.Ordinal)
    {
        ["<f8"] = ElementType.F64,
        ["<f4"] = ElementType.F32,
        ["<f2"] = ElementType.F16,
        ["<i8"] = ElementType.I64,
        ["<i4"] = ElementType.I32,
        ["<i2"] = ElementType.I16,
        ["|i1"] = ElementType.I8,
        ["|u1"] = ElementType.U8,
        ["|b1"] = ElementType.Bool,
    };

    /// <summary>Reads a file; the array is named after it.</summary>
    /// <exception cref="InputException">It cannot be read, violates the format, or has elements of an unsupported kind.</exception>
    public static NamedArray Read(string path) => Read(path, FileProblem.Bytes(path));

    /// <summary>Reads the rest of a stream.</summary>
    /// <param name="stream">The stream, which stays open.</param>
    /// <param name="name">The array's name, also in messages.</param>
    /// <exception cref="InputException">It violates the format, or has elements of an unsupported kind.</exception>
    public static NamedArray Read(Stream stream, string name = "array")
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(name);
        return Read(name, stream.ToEnd());
    }

    private static NamedArray Read(string path, byte[] bytes)
    {
        var begin = HeaderBegin(bytes, path);
        var length = begin == 10 ? BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8)) : BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8));
        if (length > bytes.Length - begin)
        {
            throw Wrong(path, $"the header of {length} bytes is cut off");
        }

        var header = Encoding.UTF8.GetString(bytes, begin, (int)length);
        return Array(path, header, bytes.AsMemory(begin + (int)length));
    }

    /// <summary>Writes version 1.0 to a stream.</summary>
    /// <exception cref="ArgumentException">The element type has no name in NumPy.</exception>
    public static void Write(Stream stream, NamedArray array)
    {
        var descr = Types.Where(pair => pair.Value == array.Type).Select(pair => pair.Key).FirstOrDefault()
            ?? throw new ArgumentException($"NumPy has no type {array.Type}", nameof(array));
        var shape = string.Concat(array.Shape.Select(size => string.Create(CultureInfo.InvariantCulture, $"{size}, ")));
        shape = array.Shape.Count == 1 ? shape.TrimEnd() : shape.TrimEnd(' ', ',');
        var text = $"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}";
        var prefix = Magic.Length + 4;
        var header = text.PadRight(((prefix + text.Length + 1 + Alignment - 1) / Alignment * Alignment) - prefix - 1) + "\n";
        stream.Write(Magic);
        stream.Write([1, 0, (byte)header.Length, (byte)(header.Length >> 8)]);
        stream.Write(Encoding.ASCII.GetBytes(header));
        stream.Write(array.Data.Span);
    }

    private static int HeaderBegin(byte[] bytes, string path)
    {
        if (bytes.Length < 12 || !bytes.AsSpan(0, Magic.Length).SequenceEqual(Magic))
        {
            throw Wrong(path, "it does not begin like one");
        }

        return bytes[6] switch
        {
            1 => 10,
            2 or 3 => 12,
            var version => throw Wrong(path, $"unknown version {version}"),
        };
    }

    private static NamedArray Array(string path, string header, ReadOnlyMemory<byte> data)
    {
        var match = Header().Match(header);
        if (!match.Success)
        {
            throw Wrong(path, $"its header cannot be parsed: {header.Trim()}");
        }

        var descr = match.Groups["descr"].Value;
        if (descr is [_, 'U' or 'S' or 'O', ..])
        {
            throw Wrong(path, $"it contains text or objects ('{descr}'), not numbers; save labels as .txt, one per line, or as .csv with the column 'label'");
        }

        if (!TryType(descr, out var type, out var unsigned))
        {
            throw Wrong(path, $"its elements are of type '{descr}'; save it as one of {string.Join(' ', Types.Keys)}");
        }

        var shape = Shape(path, match.Groups["shape"].Value);
        if (match.Groups["fortran"].Value == "True" && shape.Length > 1)
        {
            throw Wrong(path, "it is in Fortran order; save numpy.ascontiguousarray(array) instead");
        }

        if (ElementTypes.CountOf(shape) is not { } count || (Int128)count * type.Size() != data.Length)
        {
            throw Wrong(path, $"{data.Length} bytes of data are not {type} [{string.Join(", ", shape)}]");
        }

        var stored = descr[0] == '>' ? Reversed(data.Span, type.Size()) : data;
        var name = Path.GetFileNameWithoutExtension(path);
        return unsigned
            ? NamedArray.Of(name, shape, Signed(path, stored, type.Size()))
            : new NamedArray(name, type, shape, stored);
    }

    /// <summary>The type of an element by its letters, whatever the order of its bytes; of unsigned ones that of the signed ones of the same size.</summary>
    private static bool TryType(string descr, out ElementType type, out bool unsigned)
    {
        unsigned = descr is [_, 'u', not '1'];
        var little = descr is ['>' or '=', _, ..] ? "<" + descr[1..] : descr;
        return Types.TryGetValue(unsigned ? $"<i{descr[2]}" : little, out type) || Types.TryGetValue("|" + descr[1..], out type);
    }

    private static byte[] Reversed(ReadOnlySpan<byte> elements, int size)
    {
        var reversed = elements.ToArray();
        for (var at = 0; at < reversed.Length; at += size)
        {
            reversed.AsSpan(at, size).Reverse();
        }

        return reversed;
    }

    private static long[] Signed(string path, ReadOnlyMemory<byte> unsigned, int size)
    {
        var numbers = new long[unsigned.Length / size];
        for (var i = 0; i < numbers.Length; i++)
        {
            var element = unsigned.Span.Slice(i * size, size);
            var number = size switch
            {
                2 => BinaryPrimitives.ReadUInt16LittleEndian(element),
                4 => BinaryPrimitives.ReadUInt32LittleEndian(element),
                _ => BinaryPrimitives.ReadUInt64LittleEndian(element),
            };
            numbers[i] = number <= long.MaxValue ? (long)number : throw Wrong(path, $"element {i} is {number}, more than {long.MaxValue}");
        }

        return numbers;
    }

    private static long[] Shape(string path, string text)
    {
        var sizes = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return [.. sizes.Select(size => long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw Wrong(path, $"size '{size}' in its shape"))];
    }

    private static InputException Wrong(string path, string what) => new($"{path}: not an .npy file that can be used: {what}");

    [GeneratedRegex(
        @"^\s*\{\s*'descr':\s*'(?<descr>[^']*)',\s*'fortran_order':\s*(?<fortran>True|False),\s*'shape':\s*\((?<shape>[0-9, ]*)\)\s*,?\s*\}\s*$",
        RegexOptions.CultureInvariant)]
    private static partial Regex Header();
}
