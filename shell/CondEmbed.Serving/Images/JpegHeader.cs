using System.Buffers.Binary;

namespace CondEmbed.Images;

/// <summary>A colour component of a JPEG picture.</summary>
/// <param name="Across">Blocks in a row of an MCU.</param>
/// <param name="Down">Blocks in a column of an MCU.</param>
/// <param name="Steps">64 steps of quantisation, in zigzag order.</param>
/// <param name="First">The table of first coefficients.</param>
/// <param name="Others">The table of all others.</param>
internal sealed record JpegComponent(int Across, int Down, int[] Steps, JpegCodes First, JpegCodes Others);

/// <summary>
/// What stands before the pixels of a JPEG file, if it is of the usual kind: one scan of 8-bit Huffman codes, grey or YCbCr at 4:4:4, 4:2:2 or 4:2:0, stored
/// upright. Of all others, and of what is damaged, this knows nothing, and Skia sees to them.
/// </summary>
internal sealed class JpegHeader
{
    private const int Longest = 65500;

    private readonly int[]?[] steps = new int[4][];
    private readonly JpegCodes?[] first = new JpegCodes[4];
    private readonly JpegCodes?[] others = new JpegCodes[4];
    private (int Id, int Across, int Down, int Steps)[] frame = [];
    private bool isYCbCr;

    private JpegHeader()
    {
    }

    internal int Width { get; private set; }

    internal int Height { get; private set; }

    /// <summary>MCUs between two restart markers; 0 for a scan without any.</summary>
    internal int Restart { get; private set; }

    /// <summary>Grey, or Y, Cb and Cr.</summary>
    internal JpegComponent[] Components { get; private set; } = [];

    /// <summary>Where the codes begin in the file.</summary>
    internal int Data { get; private set; }

    /// <summary>The header; null for a file that is left to Skia.</summary>
    internal static JpegHeader? Read(ReadOnlySpan<byte> file)
    {
        if (file is not [0xFF, 0xD8, ..])
            return null;
        var header = new JpegHeader();
        for (var at = 2; at + 4 <= file.Length && file[at] == 0xFF;)
        {
            var marker = file[at + 1];
            var length = BinaryPrimitives.ReadUInt16BigEndian(file[(at + 2)..]);
            if (marker is 0xFF or < 0xC0 or (>= 0xD0 and <= 0xD9) || length < 2 || at + 2 + length > file.Length)
                return null;
            var segment = file.Slice(at + 4, length - 2);
            at += 2 + length;
            if (marker == 0xDA)
                return header.BeginsScan(segment, at) ? header : null;
            if (!header.Take(marker, segment))
                return null;
        }

        return null;
    }

    /// <summary>Whether the codes are too few for certain: each block has two at least, of a bit or more.</summary>
    internal bool IsCutOff(ReadOnlySpan<byte> file)
    {
        var (across, down) = (8L * Components[0].Across, 8L * Components[0].Down);
        var units = (Width + across - 1) / across * ((Height + down - 1) / down);
        return units * Components.Sum(component => component.Across * component.Down) * 2 > 8L * (file.Length - Data);
    }

    private bool Take(byte marker, ReadOnlySpan<byte> segment)
    {
        switch (marker)
        {
            case 0xC0 or 0xC1:
                return TakeFrame(segment);
            case 0xC4:
                return TakeCodes(segment);
            case 0xDB:
                return TakeSteps(segment);
            case 0xDD when segment.Length == 2:
                Restart = BinaryPrimitives.ReadUInt16BigEndian(segment);
                return true;
            case 0xE0:
                isYCbCr |= segment.Length >= 14 && segment.StartsWith("JFIF\0"u8);
                return true;
            case 0xE1:
                return !segment.StartsWith("Exif\0"u8) || (segment.Length >= 6 && ExifOrientation.InTiff(segment[6..]) == 1);
            case 0xEE when segment.StartsWith("Adobe"u8):
                isYCbCr = true;
                return segment.Length >= 12 && segment[11] == 1;
            default:
                return marker is (>= 0xE0 and <= 0xEF) or 0xFE;
        }
    }

    private bool TakeFrame(ReadOnlySpan<byte> segment)
    {
        if (frame.Length > 0 || segment.Length < 6 || segment[0] != 8 || segment[5] is not (1 or 3) || segment.Length != 6 + 3 * segment[5])
            return false;
        (Height, Width) = (BinaryPrimitives.ReadUInt16BigEndian(segment[1..]), BinaryPrimitives.ReadUInt16BigEndian(segment[3..]));
        frame = new (int, int, int, int)[segment[5]];
        for (var i = 0; i < frame.Length; i++)
        {
            var part = segment.Slice(6 + 3 * i, 3);
            frame[i] = (part[0], part[1] >> 4, part[1] & 15, part[2]);
        }

        // Very narrow pictures are interpolated otherwise, and libjpeg refuses very large ones.
        return Height > 0 && Width >= 16 && Math.Max(Width, Height) <= Longest && (frame.Length == 1 ? IsPossible(frame[0]) : IsKnownSampling());
    }

    private static bool IsPossible((int Id, int Across, int Down, int Steps) one) => one is { Across: >= 1 and <= 4, Down: >= 1 and <= 4 };

    private bool IsKnownSampling() =>
        (frame[0].Across, frame[0].Down) is (1, 1) or (2, 1) or (2, 2) && frame[1..].All(one => (one.Across, one.Down) == (1, 1));

    private bool TakeSteps(ReadOnlySpan<byte> segment)
    {
        while (!segment.IsEmpty)
        {
            var (wide, table) = (segment[0] >> 4, segment[0] & 15);
            var size = wide == 0 ? 64 : 128;
            if (wide > 1 || table > 3 || segment.Length < 1 + size)
                return false;
            var values = new int[64];
            for (var i = 0; i < 64; i++)
                values[i] = wide == 0 ? segment[1 + i] : BinaryPrimitives.ReadUInt16BigEndian(segment[(1 + 2 * i)..]);
            steps[table] = values;
            segment = segment[(1 + size)..];
        }

        return true;
    }

    private bool TakeCodes(ReadOnlySpan<byte> segment)
    {
        while (segment.Length >= 17)
        {
            var (kind, table) = (segment[0] >> 4, segment[0] & 15);
            var symbols = 0;
            foreach (var count in segment.Slice(1, 16))
                symbols += count;
            if (kind > 1 || table > 3 || symbols > 256 || segment.Length < 17 + symbols)
                return false;
            if (JpegCodes.Of(segment.Slice(1, 16), segment.Slice(17, symbols), isFirst: kind == 0) is not { } codes)
                return false;
            (kind == 0 ? first : others)[table] = codes;
            segment = segment[(17 + symbols)..];
        }

        return segment.IsEmpty;
    }

    private bool BeginsScan(ReadOnlySpan<byte> segment, int data)
    {
        var count = frame.Length;
        if (count == 0 || frame.DistinctBy(one => one.Id).Count() < count || segment.Length != 4 + 2 * count || segment[0] != count || !segment[^3..].SequenceEqual<byte>([0, 63, 0]))
            return false;
        // A file that does not say what its colours are says it by the names of its components.
        if (count == 3 && !isYCbCr && !frame.Select(one => one.Id).SequenceEqual([1, 2, 3]))
            return false;
        Components = new JpegComponent[count];
        for (var i = 0; i < count; i++)
        {
            var (id, tables) = (segment[1 + 2 * i], segment[2 + 2 * i]);
            if (id != frame[i].Id || (tables >> 4) > 3 || (tables & 15) > 3 || frame[i].Steps > 3)
                return false;
            if (steps[frame[i].Steps] is not { } quantised || first[tables >> 4] is not { } dc || others[tables & 15] is not { } ac)
                return false;
            // A scan of one component has blocks of its own for MCUs.
            Components[i] = count == 1 ? new JpegComponent(1, 1, quantised, dc, ac) : new JpegComponent(frame[i].Across, frame[i].Down, quantised, dc, ac);
        }

        Data = data;
        return true;
    }
}
