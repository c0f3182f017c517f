using System.Buffers.Binary;
using System.Text;

namespace CondEmbed.Common;

/// <summary>Reads the fields of a binary header in order, little-endian, and refuses each that holds what it cannot hold, by its name.</summary>
/// <param name="file">The file, for messages.</param>
/// <param name="kind">What it is, for messages.</param>
/// <param name="fix">What to do about a damaged one.</param>
/// <param name="bytes">The header.</param>
internal ref struct HeaderReader(string file, string kind, string fix, ReadOnlySpan<byte> bytes)
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private ReadOnlySpan<byte> rest = bytes;

    /// <summary>A whole number of four bytes.</summary>
    /// <exception cref="InputException">It is outside these bounds.</exception>
    internal int Int32(string field, int least, int most) => (int)Within(field, BinaryPrimitives.ReadInt32LittleEndian(Bytes(field, sizeof(int))), least, most);

    /// <summary>A whole number of eight bytes.</summary>
    /// <exception cref="InputException">It is outside these bounds.</exception>
    internal long Int64(string field, long least, long most) => Within(field, BinaryPrimitives.ReadInt64LittleEndian(Bytes(field, sizeof(long))), least, most);

    /// <summary>So many bytes.</summary>
    /// <exception cref="InputException">The header has fewer.</exception>
    internal ReadOnlySpan<byte> Bytes(string field, int count)
    {
        if (count > rest.Length)
        {
            throw Damaged($"it ends within the field '{field}' of its header");
        }

        var taken = rest[..count];
        rest = rest[count..];
        return taken;
    }

    /// <summary>A text: its length in four bytes, then its bytes in UTF-8.</summary>
    /// <exception cref="InputException">It is longer than this, or not UTF-8.</exception>
    internal string Text(string field, int most)
    {
        var bytes = Bytes(field, Int32($"length of {field}", 0, most));
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw Damaged($"the field '{field}' of its header is not UTF-8");
        }
    }

    /// <summary>What is wrong with the file, and the fix.</summary>
    internal readonly InputException Damaged(string what) => new($"{file}: the {kind} is damaged: {what}. {fix}");

    private readonly long Within(string field, long value, long least, long most) => value >= least && value <= most
        ? value
        : throw Damaged($"the field '{field}' of its header is {value}, and must be from {least} to {most}");
}
