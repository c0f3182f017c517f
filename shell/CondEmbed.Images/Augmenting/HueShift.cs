namespace CondEmbed.Images;

/// <summary>
/// torchvision's adjust_hue on 8-bit images: Pillow's conversion to 8-bit HSV, hue plus a whole number modulo 256, and back. The
/// way through HSV loses a little colour even where the hue stays, as it does there.
/// </summary>
internal static class HueShift
{
    // For each hue byte: the sixth of the colour circle and the place in it.
    private static readonly byte[] Sector = [.. Enumerable.Range(0, 256).Select(h => (byte)((int)Math.Floor((float)h * 6.0 / 255.0) % 6))];

    private static readonly float[] Place =
        [.. Enumerable.Range(0, 256).Select(h => (float)((float)h * 6.0 / 255.0 - (float)Math.Floor((float)h * 6.0 / 255.0)))];

    /// <summary>Turns the hue in place by a part of the circle, -0.5 to 0.5; exactly 0 changes nothing.</summary>
    internal static void Apply(Span<byte> pixels, double turn)
    {
        if (turn == 0)
            return;
        var shift = (byte)(int)(turn * 255);
        for (var i = 0; i + 2 < pixels.Length; i += 3)
        {
            var pixel = pixels.Slice(i, 3);
            var (hue, saturation, value) = ToHsv(pixel[0], pixel[1], pixel[2]);
            (pixel[0], pixel[1], pixel[2]) = ToRgb((byte)(hue + shift), saturation, value);
        }
    }

    /// <summary>Pillow's convert("HSV") of one pixel.</summary>
    internal static (byte Hue, byte Saturation, byte Value) ToHsv(byte r, byte g, byte b)
    {
        var most = Math.Max(r, Math.Max(g, b));
        var least = Math.Min(r, Math.Min(g, b));
        if (most == least)
            return (0, 0, most);
        float span = most - least;
        var saturation = span / most;
        var red = (most - r) / span;
        var green = (most - g) / span;
        var blue = (most - b) / span;
        var sixths = r == most ? blue - green : g == most ? (float)(2.0 + red - blue) : (float)(4.0 + green - red);
        // Between 5/6 and 11/6, so that taking off a whole turn is exact.
        var turns = sixths / 6.0 + 1.0;
        var hue = (float)(turns >= 1 ? turns - 1 : turns);
        return ((byte)Math.Clamp((int)(hue * 255.0), 0, 255), (byte)Math.Clamp((int)(saturation * 255.0), 0, 255), most);
    }

    /// <summary>Pillow's convert("RGB") of one HSV pixel.</summary>
    internal static (byte R, byte G, byte B) ToRgb(byte hue, byte saturation, byte value)
    {
        if (saturation == 0)
            return (value, value, value);
        var place = Place[hue];
        var strength = (float)(saturation / 255.0);
        var p = Round(value * (1.0 - strength));
        var q = Round(value * (1.0 - strength * place));
        var t = Round(value * (1.0 - strength * (1.0 - place)));
        return Sector[hue] switch
        {
            0 => (value, t, p),
            1 => (q, value, p),
            2 => (p, value, t),
            3 => (p, q, value),
            4 => (t, p, value),
            _ => (value, p, q)
        };
    }

    // Half away from zero, as C's round: no product here falls on the one double where adding a half goes wrong (just below a
    // half), as the test over all 2^24 colours shows.
    private static byte Round(double number) => (byte)(number + 0.5);
}
