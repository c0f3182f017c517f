using System.Buffers.Binary;
using System.Text;

namespace CondEmbed.Common;

/// <summary>Reads the fields of a little-endian binary header in order, and reports by name any field whose value is out of range.</summary>
/// <param name="file">The file, for messages.</param>
/// <param name="kind">What it is, for messages.</param>
/// <param name="fix">What to do about a damaged file.</param>
/// <param name="bytes">The header.</param>
internal ref struct HeaderReader(string file, string kind, string fix, ReadOnlySpan<byte> bytes)
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private ReadOnlySpan<byte> rest = bytes;

    /// <summary>A four-byte whole number.</summary>
    /// <exception cref="InputException">The value is outside these bounds.</exception>
    internal int Int32(string field, int least, int most) => (int)Within(field, BinaryPrimitives.ReadInt32LittleEndian(Bytes(field, sizeof(int))), least, most);

    /// <summary>An eight-byte whole number.</summary>
    /// <exception cref="InputException">The value is outside these bounds.</exception>
    internal long Int64(string field, long least, long most) => Within(field, BinaryPrimitives.ReadInt64LittleEndian(Bytes(field, sizeof(long))), least, most);

    /// <summary>The next bytes.</summary>
    /// <exception cref="InputException">The header has fewer bytes left.</exception>
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

    /// <summary>A string: its length in four bytes, then its bytes in UTF-8.</summary>
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

    /// <summary>The error that says what is wrong with the file, and the fix.</summary>
    internal readonly InputException Damaged(string what) => new($"{file}: the {kind} is damaged: {what}. {fix}");

    private readonly long Within(string field, long value, long least, long most) => value >= least && value <= most
        ? value
        : throw Damaged($"the field '{field}' of its header is {value}, but must be from {least} to {most}");
}
