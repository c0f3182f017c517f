namespace CondEmbed.Images;

/// <summary>A colour behind the transparent parts of a picture.</summary>
internal static class Behind
{
    /// <summary>H W 4 with alpha -> H W 4 on the colour, rounded to the nearest, as Pillow's <c>paste</c> with the picture's alpha as its mask.</summary>
    internal static void Put(Rgb colour, Span<byte> rgba)
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

    private static byte Mixed(byte above, byte below, byte alpha) => (byte)((above * alpha + below * (255 - alpha) + 127) / 255);
}
