using System.Buffers.Binary;

namespace CondEmbed.Interchange;

/// <summary>
/// Walks the footer of a Parquet file (Thrift's compact protocol) before a library reads it: the library trusts every count and type in it, and never
/// terminates if a number runs past the footer's end.
/// </summary>
internal ref struct ParquetFooter
{
    // Types of the compact protocol, as digits of the table below: b a flag, y a byte, i an i16, i32 or i64, t bytes, l a list, s a structure.
    private const string Types = ".bbyiii.tl..s";
    private const int Deepest = 16;

    /// <summary>
    /// The structures of parquet.thrift by name, each with its fields: number, type, and of a structure or a list of such its name. A list's own type is that of its
    /// items in capitals.
    /// </summary>
    private static readonly Dictionary<string, Dictionary<int, (char Type, string Inner)>> Structures = Table("""
        File 1i 2S:Element 3i 4S:Group 5S:Pair 6t 7S:Order 9t
        Element 1i 2i 3i 4t 5i 6i 7i 8i 9i 10s:Logical
        Logical 1s 2s 3s 4s 5s:Decimal 6s 7s:Time 8s:Time 10s:Whole 11s 12s 13s 14s 15s
        Decimal 1i 2i
        Time 1b 2s:Unit
        Unit 1s 2s 3s
        Whole 1y 2b
        Group 1S:Chunk 2i 3i 4S:Sorting 5i 6i 7i
        Sorting 1i 2b 3b
        Chunk 1t 2i 3s:Column 4i 5i 6i 7i
        Column 1i 2I 3T 4i 5i 6i 7i 8S:Pair 9i 10i 11i 12s:Statistics 13S:Encodings 14i 15i 16s:Sizes
        Statistics 1t 2t 3i 4i 5t 6t 7b 8b
        Encodings 1i 2i 3i
        Sizes 1i 2I 3I
        Pair 1t 2t
        Order 1s
        """);

    private readonly ReadOnlySpan<byte> bytes;
    private int at;

    private ParquetFooter(ReadOnlySpan<byte> bytes) => this.bytes = bytes;

    /// <summary>What is wrong with the footer of a file; null if it can be read.</summary>
    internal static string? Problem(Stream file)
    {
        Span<byte> end = stackalloc byte[8];
        if (file.Length < 12)
        {
            return "it is too short";
        }

        file.Position = file.Length - end.Length;
        file.ReadExactly(end);
        var length = BinaryPrimitives.ReadInt32LittleEndian(end);
        if (!end[4..].SequenceEqual("PAR1"u8) || length <= 0 || length > file.Length - 12)
        {
            return "it does not end as a Parquet file does";
        }

        var footer = new byte[length];
        file.Position = file.Length - 8 - length;
        file.ReadExactly(footer);
        file.Position = 0;
        var walk = new ParquetFooter(footer);
        return walk.Structure("File", 0) && walk.at == length ? null : "its footer is damaged";
    }

    private bool Structure(string name, int depth)
    {
        var fields = Structures.GetValueOrDefault(name);
        var field = 0;
        while (Byte(out var head) && depth < Deepest)
        {
            if (head == 0)
            {
                return true;
            }

            var type = (head & 15) < Types.Length ? Types[head & 15] : '.';
            if (head >> 4 == 0)
            {
                if (!Number(out var number))
                {
                    return false;
                }

                field = (short)((number >> 1) ^ (0 - (number & 1)));
            }
            else
            {
                field += head >> 4;
            }

            // The library does not skip unknown structures correctly, so everything after them would be misread.
            var known = fields?.TryGetValue(field, out var expected) == true ? expected : (Type: type is 's' or 'l' ? '.' : type, Inner: "");
            if (type == '.' || type != (char.IsUpper(known.Type) ? 'l' : known.Type) || !Value(known.Type, known.Inner, depth))
            {
                return false;
            }
        }

        return false;
    }

    private bool Value(char type, string inner, int depth) => type switch
    {
        'b' => true,
        'y' => Byte(out _),
        'i' => Number(out _),
        't' => Text(),
        's' => Structure(inner, depth + 1),
        _ => List(char.ToLowerInvariant(type), inner, depth),
    };

    private bool List(char type, string inner, int depth)
    {
        if (!Byte(out var head))
        {
            return false;
        }

        ulong count = (uint)(head >> 4);
        if (count == 15 && !Number(out count))
        {
            return false;
        }

        // Every item takes at least one byte.
        if (count > (ulong)(bytes.Length - at) || (count > 0 && ((head & 15) >= Types.Length || Types[head & 15] != type)))
        {
            return false;
        }

        for (var item = 0UL; item < count; item++)
        {
            if (!Value(type, inner, depth))
            {
                return false;
            }
        }

        return true;
    }

    private bool Text()
    {
        if (!Number(out var length) || length > (ulong)(bytes.Length - at))
        {
            return false;
        }

        at += (int)length;
        return true;
    }

    private bool Byte(out int value)
    {
        value = at < bytes.Length ? bytes[at++] : -1;
        return value >= 0;
    }

    private bool Number(out ulong value)
    {
        value = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (!Byte(out var part))
            {
                return false;
            }

            value |= (ulong)(part & 127) << shift;
            if (part < 128)
            {
                return true;
            }
        }

        return false;
    }

    private static Dictionary<string, Dictionary<int, (char Type, string Inner)>> Table(string text) =>
        text.Split('\n', StringSplitOptions.TrimEntries).Select(line => line.Split(' ')).ToDictionary(words => words[0], words => words.Skip(1).ToDictionary(
            word => int.Parse(string.Concat(word.TakeWhile(char.IsDigit)), System.Globalization.CultureInfo.InvariantCulture),
            word => (word.First(char.IsLetter), word.Contains(':', StringComparison.Ordinal) ? word[(word.IndexOf(':', StringComparison.Ordinal) + 1)..] : "")));
}
