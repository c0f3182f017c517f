using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace CondEmbed.Datasets;

/// <summary>One data element of a MAT-file: its type number and its bytes, without padding.</summary>
internal readonly record struct MatElement(int Type, ReadOnlyMemory<byte> Data);

/// <summary>The data elements of a part of a MAT-file, one after the other. Everything in it is untrusted until checked.</summary>
internal sealed class MatElements(ReadOnlyMemory<byte> bytes, bool bigEndian, string path)
{
    private int at;

    /// <summary>Bytes that are not read yet.</summary>
    internal int Left => bytes.Length - at;

    /// <summary>The elements inside another one.</summary>
    internal MatElements Inside(ReadOnlyMemory<byte> data) => new(data, bigEndian, path);

    /// <summary>
    /// The next element. Its tag is eight bytes, type and length; or, where the upper half of the first four bytes is not zero, four
    /// bytes of length and type with the data in the other four. Data is padded to eight bytes unless <paramref name="padded"/> is false.
    /// </summary>
    internal MatElement Next(bool padded = true)
    {
        if (Left < 8)
        {
            throw Wrong("it ends within an element");
        }

        var word = UInt32(bytes.Span[at..]);
        if (word >> 16 is var small && small != 0)
        {
            var element = small <= 4
                ? new MatElement((int)(word & 0xffff), bytes.Slice(at + 4, (int)small))
                : throw Wrong($"a small element claims to hold {small} bytes; the maximum is 4");
            at += 8;
            return element;
        }

        var length = UInt32(bytes.Span[(at + 4)..]);
        if (length > Left - 8)
        {
            throw Wrong($"an element claims to hold {length} bytes, but only {Left - 8} are left");
        }

        var data = bytes.Slice(at + 8, (int)length);
        at = Math.Min(at + 8 + (padded ? ((int)length + 7) & ~7 : (int)length), bytes.Length);
        return new MatElement((int)word, data);
    }

    /// <summary>The numbers of a numeric element.</summary>
    internal double[] Numbers(MatElement element) => element.Type switch
    {
        1 => Numbers<sbyte>(element),
        2 => Numbers<byte>(element),
        3 => Numbers<short>(element),
        4 => Numbers<ushort>(element),
        5 => Numbers<int>(element),
        6 => Numbers<uint>(element),
        7 => Numbers<float>(element),
        9 => Numbers<double>(element),
        12 => Numbers<long>(element),
        13 => Numbers<ulong>(element),
        _ => throw Wrong($"numbers cannot be of type {element.Type}"),
    };

    /// <summary>The text of a character element.</summary>
    internal string Text(MatElement element) => element.Type switch
    {
        // Letters may be stored as bytes (then they are Latin-1) or as 16-bit numbers.
        1 or 2 => Encoding.Latin1.GetString(element.Data.Span),
        16 => Decoded(new UTF8Encoding(false, throwOnInvalidBytes: true), element),
        3 or 4 or 17 => Decoded(new UnicodeEncoding(bigEndian, byteOrderMark: false, throwOnInvalidBytes: true), element),
        18 => Decoded(new UTF32Encoding(bigEndian, byteOrderMark: false, throwOnInvalidCharacters: true), element),
        _ => throw Wrong($"text cannot be of type {element.Type}"),
    };

    private string Decoded(Encoding encoding, MatElement element)
    {
        try
        {
            return encoding.GetString(element.Data.Span);
        }
        catch (DecoderFallbackException)
        {
            throw Wrong("a string in it is not valid Unicode");
        }
    }

    internal InputException Wrong(string reason) =>
        new($"{path}: not a MAT-file that can be read: {reason}. Download the file again, or save it again in MATLAB with save(..., '-v7').");

    private double[] Numbers<T>(MatElement element)
        where T : unmanaged, INumberBase<T>
    {
        var (bytes, size) = (element.Data.ToArray(), Unsafe.SizeOf<T>());
        if (bytes.Length % size != 0)
        {
            throw Wrong($"{bytes.Length} bytes are not a whole number of {size}-byte values");
        }

        for (var place = 0; bigEndian && place < bytes.Length; place += size)
        {
            bytes.AsSpan(place, size).Reverse();
        }

        return Array.ConvertAll(MemoryMarshal.Cast<byte, T>(bytes).ToArray(), double.CreateTruncating);
    }

    private uint UInt32(ReadOnlySpan<byte> data) =>
        bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(data) : BinaryPrimitives.ReadUInt32LittleEndian(data);
}
