using System.Buffers.Binary;

namespace CondEmbed.Images;

/// <summary>The first frame of a GIF, in what Skia does not show: the colours of transparent pixels, and of those around a frame smaller than the image.</summary>
/// <param name="Box">The position of the frame.</param>
/// <param name="Around">The colour around it: that of the transparent entry of the palette, else of its first.</param>
/// <param name="Flags">The position of the byte that declares a transparent colour; 0 if there is none.</param>
internal sealed record GifFrame(PixelBox Box, Rgb Around, int Flags)
{
    private const int HeaderLength = 13;

    /// <summary>The first frame; null if the file has none or is damaged.</summary>
    internal static GifFrame? Of(ReadOnlySpan<byte> file)
    {
        if (file.Length < HeaderLength)
            return null;
        var global = Palette(file, HeaderLength, file[10]);
        var (flags, transparent) = (0, 0);
        for (var at = HeaderLength + global.Length; at + 10 <= file.Length;)
        {
            if (file[at] == 0x2C)
            {
                var local = Palette(file, at + 10, file[at + 9]);
                var palette = local.IsEmpty ? global : local;
                return new GifFrame(BoxAt(file[(at + 1)..]), Colour(palette, transparent), flags);
            }

            if (file[at] != 0x21)
                return null;
            if (file[at + 1] == 0xF9 && file[at + 2] >= 4 && (file[at + 3] & 1) != 0)
                (flags, transparent) = (at + 3, file[at + 6]);
            for (at += 2; at < file.Length && file[at] != 0; at += file[at] + 1)
            {
            }

            at++;
        }

        return null;
    }

    /// <summary>The file with the frame made opaque.</summary>
    internal byte[] Opaque(ReadOnlySpan<byte> file)
    {
        var copy = file.ToArray();
        if (Flags > 0)
            copy[Flags] &= 0xFE;
        return copy;
    }

    /// <summary>Gives the pixels around the frame their colour.</summary>
    internal void Surround(Span<byte> rgba, int width, int height)
    {
        for (var y = 0; y < height; y++)
        {
            var isInside = y >= Box.Top && y < Box.Top + Box.Height;
            for (var x = 0; x < width; x++)
            {
                if (isInside && x == Box.Left)
                    x += Box.Width;
                if (x >= width)
                    break;
                var pixel = rgba.Slice((y * width + x) * 4, 4);
                (pixel[0], pixel[1], pixel[2], pixel[3]) = (Around.R, Around.G, Around.B, 255);
            }
        }
    }

    private static PixelBox BoxAt(ReadOnlySpan<byte> at) => new(
        BinaryPrimitives.ReadUInt16LittleEndian(at), BinaryPrimitives.ReadUInt16LittleEndian(at[2..]),
        BinaryPrimitives.ReadUInt16LittleEndian(at[4..]), BinaryPrimitives.ReadUInt16LittleEndian(at[6..]));

    private static ReadOnlySpan<byte> Palette(ReadOnlySpan<byte> file, int start, byte flags)
    {
        var length = (flags & 0x80) == 0 ? 0 : 3 << ((flags & 7) + 1);
        return start + length <= file.Length ? file.Slice(start, length) : [];
    }

    // Entries missing from a palette are grey, as in Pillow.
    private static Rgb Colour(ReadOnlySpan<byte> palette, int entry) => 3 * entry + 2 < palette.Length
        ? new Rgb(palette[3 * entry], palette[3 * entry + 1], palette[3 * entry + 2])
        : new Rgb((byte)entry, (byte)entry, (byte)entry);
}
