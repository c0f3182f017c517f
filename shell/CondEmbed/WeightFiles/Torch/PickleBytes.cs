using System.Buffers.Binary;

namespace CondEmbed.WeightFiles;

/// <summary>Reads the arguments of a pickle's operations, never beyond its end.</summary>
internal sealed class PickleBytes(string path, byte[] bytes)
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private int at;

    /// <summary>The position of the next byte.</summary>
    internal int Position => at;

    internal byte Byte() => Take(1)[0];

    internal int UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    internal int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    internal double Double() => BinaryPrimitives.ReadDoubleBigEndian(Take(8));

    /// <summary>A length of 1, 4 or 8 bytes.</summary>
    internal long Length(int size) =>
        size switch
        {
            1 => Byte(),
            4 => BinaryPrimitives.ReadUInt32LittleEndian(Take(4)),
            _ => (long)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(Take(8)), long.MaxValue),
        };

    internal string Text(long length)
    {
        try
        {
            return Utf8.GetString(Take(length));
        }
        catch (ArgumentException)
        {
            throw Wrong("a string in it is not valid UTF-8");
        }
    }

    internal byte[] Raw(long length) => Take(length).ToArray();

    /// <summary>A whole number of any length, lowest byte first: long where it fits, else BigInteger.</summary>
    internal object Whole(long length)
    {
        if (length > byte.MaxValue)
        {
            throw Wrong($"a whole number of {length} bytes");
        }

        var number = new BigInteger(Take(length));
        return number >= long.MinValue && number <= long.MaxValue ? (long)number : (object)number;
    }

    /// <summary>Text up to the end of the line.</summary>
    internal string Line()
    {
        var length = bytes.AsSpan(at).IndexOf((byte)'\n');
        if (length < 0)
        {
            throw Wrong("it ends in the middle of a name");
        }

        var line = Text(length);
        at++;
        return line;
    }

    internal InputException Wrong(string what) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{path}: not a valid PyTorch file: byte {at} of its pickle: {what}."));

    private ReadOnlySpan<byte> Take(long length)
    {
        if (length > bytes.Length - at)
        {
            throw Wrong($"it ends {length} bytes too early");
        }

        var taken = bytes.AsSpan(at, (int)length);
        at += (int)length;
        return taken;
    }
}
