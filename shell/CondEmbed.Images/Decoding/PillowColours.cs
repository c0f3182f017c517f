using System.Buffers.Binary;

namespace CondEmbed.Images;

/// <summary>Turns the colours that Skia decodes into Pillow's.</summary>
internal static class PillowColours
{
    /// <summary>H W 4 with alpha -> H W 4 on the colour, rounded to the nearest, as Pillow's <c>paste</c> with the image's alpha as its mask.</summary>
    internal static void PutBehind(Rgb colour, Span<byte> rgba)
    {
        for (var at = 0; at + 4 <= rgba.Length; at += 4)
        {
            var alpha = rgba[at + 3];
            if (alpha == 255)
                continue;
            rgba[at] = Mixed(rgba[at], colour.R, alpha);
            rgba[at + 1] = Mixed(rgba[at + 1], colour.G, alpha);
            rgba[at + 2] = Mixed(rgba[at + 2], colour.B, alpha);
            rgba[at + 3] = 255;
        }
    }

    /// <summary>
    /// Colours of BMP images with 16 bits per pixel, five or six bits each: turns Skia's into Pillow's (the bits times 255 / 31 or 255 / 63, rounded down). Other files
    /// are left alone.
    /// </summary>
    internal static void OfBmp16(ReadOnlySpan<byte> file, Span<byte> rgba)
    {
        if (BitsOfGreen(file) is not { } green)
            return;
        var (five, middle) = (Table(5), Table(green));
        for (var at = 0; at + 4 <= rgba.Length; at += 4)
            (rgba[at], rgba[at + 1], rgba[at + 2]) = (five[rgba[at]], middle[rgba[at + 1]], five[rgba[at + 2]]);
    }

    private static byte Mixed(byte above, byte below, byte alpha) => (byte)((above * alpha + below * (255 - alpha) + 127) / 255);

    private static int? BitsOfGreen(ReadOnlySpan<byte> file)
    {
        if (!file.StartsWith("BM"u8) || file.Length < 54 || Long(file, 14) < 40 || BinaryPrimitives.ReadUInt16LittleEndian(file[28..]) != 16)
            return null;
        if (Long(file, 30) == 0)
            return 5;
        return file.Length < 66 ? null : (Long(file, 54), Long(file, 58), Long(file, 62)) switch
        {
            (0xF800, 0x7E0, 0x1F) => 6,
            (0x7C00, 0x3E0, 0x1F) => 5,
            _ => null
        };
    }

    private static byte[] Table(int bits)
    {
        var (table, most) = (new byte[256], (1 << bits) - 1);
        for (var value = 0; value < 256; value++)
            table[value] = (byte)((value * most + 127) / 255 * 255 / most);
        return table;
    }

    private static uint Long(ReadOnlySpan<byte> file, int at) => BinaryPrimitives.ReadUInt32LittleEndian(file[at..]);
}
