namespace CondEmbed.Images;

/// <summary>
/// A Huffman table, made for looking up the next <see cref="Look"/> bits at once. An entry says how many bits it takes (bits 0 to 5), by how much it moves on
/// in the block (bits 8 to 15), and either the coefficient itself (bits 16 to 31, where code and coefficient both fit into what was looked up) or, with
/// <see cref="More"/>, how many bits of the coefficient follow. Zero is a code that is longer.
/// </summary>
internal sealed class JpegCodes
{
    internal const int Look = 10;

    /// <summary>The coefficient is still to be read.</summary>
    internal const int More = 1 << 6;

    /// <summary>What an end of block moves on by: past any coefficient.</summary>
    internal const int End = 128;

    private const int Longest = 16;

    private readonly byte[] symbols;
    private readonly bool isFirst;

    // For each length the first code, how many there are, and the place of the first one's symbol.
    private readonly int[] least = new int[Longest + 1];
    private readonly int[] counts = new int[Longest + 1];
    private readonly int[] places = new int[Longest + 1];

    private JpegCodes(byte[] symbols, bool isFirst)
    {
        this.symbols = symbols;
        this.isFirst = isFirst;
    }

    /// <summary>1024 entries.</summary>
    internal int[] Entries { get; } = new int[1 << Look];

    /// <summary>The table of so many codes of each length; null where there are more than fit.</summary>
    internal static JpegCodes? Of(ReadOnlySpan<byte> lengths, ReadOnlySpan<byte> symbols, bool isFirst)
    {
        var codes = new JpegCodes(symbols.ToArray(), isFirst);
        var (code, place) = (0, 0);
        for (var length = 1; length <= Longest; length++, code <<= 1)
        {
            codes.least[length] = code;
            codes.counts[length] = lengths[length - 1];
            codes.places[length] = place;
            for (var i = 0; i < lengths[length - 1]; i++, code++, place++)
            {
                // No code is all ones.
                if (code >= (1 << length) - 1 || (isFirst && symbols[place] > 15))
                    return null;
                if (length <= Look)
                    codes.Fill(code << (Look - length), 1 << (Look - length), length, symbols[place]);
            }
        }

        return codes;
    }

    /// <summary>The entry of a code longer than <see cref="Look"/>, from the next 16 bits; 0 where there is no such code.</summary>
    internal int Longer(int bits)
    {
        for (var length = Look + 1; length <= Longest; length++)
        {
            var nth = (bits >> (Longest - length)) - least[length];
            if (nth >= 0 && nth < counts[length])
                return EntryOf(length, symbols[places[length] + nth]);
        }

        return 0;
    }

    private void Fill(int from, int count, int length, byte symbol)
    {
        var plain = EntryOf(length, symbol);
        var size = plain >> 16;
        for (var bits = from; bits < from + count; bits++)
        {
            var whole = !isFirst && (plain & More) != 0 && length + size <= Look;
            Entries[bits] = whole ? Whole(bits, length, size, plain & 0xFF00) : plain;
        }
    }

    private static int Whole(int bits, int length, int size, int move)
    {
        var value = (bits >> (Look - length - size)) & ((1 << size) - 1);
        var signed = value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
        return (signed << 16) | move | (length + size);
    }

    private int EntryOf(int length, byte symbol)
    {
        var (run, size) = (symbol >> 4, symbol & 15);
        if (isFirst)
            return (size << 16) | More | length;
        if (size > 0)
            return (size << 16) | ((run + 1) << 8) | More | length;
        return ((run == 15 ? 16 : End) << 8) | length;
    }
}
