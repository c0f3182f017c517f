namespace CondEmbed.Images;

/// <summary>An 8-bit colour.</summary>
/// <param name="R">Red.</param>
/// <param name="G">Green.</param>
/// <param name="B">Blue.</param>
public readonly record struct Rgb(byte R, byte G, byte B)
{
    /// <summary>The colour that a number such as 0xff8000 stands for.</summary>
    public static Rgb Of(int number) => new((byte)(number >> 16), (byte)(number >> 8), (byte)number);

    /// <summary>As in <c>#ff8000</c>.</summary>
    public string ToHex() => $"#{R:x2}{G:x2}{B:x2}";

    /// <summary>Overwrites whole pixels with this colour; a rest of one or two bytes is left alone.</summary>
    public void Fill(Span<byte> pixels)
    {
        for (var i = 0; i + 2 < pixels.Length; i += 3)
        {
            pixels[i] = R;
            pixels[i + 1] = G;
            pixels[i + 2] = B;
        }
    }
}
