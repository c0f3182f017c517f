namespace CondEmbed.Images;

/// <summary>Draws numbers on a grid as colours over a greyed image: dark where they are smallest, light where they are largest.</summary>
public static class HeatMap
{
    // How much of a pixel is the colour; the rest is the image in grey.
    private const float Share = 0.6f;

    // A range of less than a hundredth of the mean is treated as flat.
    private const float Even = 0.01f;

    // The map 'inferno' of matplotlib (CC0) at every ninth: its lightness rises evenly, also for the colour-blind and in print.
    private static readonly Rgb[] Inferno =
    [
        new(0, 0, 4), new(27, 12, 65), new(74, 12, 107), new(120, 28, 109), new(165, 44, 96),
        new(207, 68, 70), new(237, 105, 37), new(251, 155, 6), new(247, 209, 61), new(252, 255, 164),
    ];

    private static readonly Rgb[] Colours = [.. Enumerable.Range(0, 256).Select(ColourAt)];

    /// <summary>
    /// The numbers, rows x columns, stretched smoothly (bicubic) over the whole image; the colours span the range of the numbers, and all are the darkest
    /// where it is flat.
    /// </summary>
    /// <exception cref="ArgumentException">There are not rows x columns numbers.</exception>
    public static RgbImage Over(RgbImage image, IReadOnlyList<float> numbers, int rows, int columns)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(numbers);
        if (numbers.Count != rows * columns || numbers.Count == 0)
            throw new ArgumentException($"{numbers.Count} numbers are not {rows} rows of {columns}.", nameof(numbers));
        var (least, most) = (numbers.Min(), numbers.Max());
        var range = most - least > Even * Math.Abs(numbers.Average()) ? most - least : float.PositiveInfinity;
        byte[] levels = [.. numbers.SelectMany(number => Enumerable.Repeat((byte)MathF.Round(255 * (number - least) / range), 3))];
        var heat = Resampler.Resize(new RgbImage(columns, rows, levels), image.Width, image.Height, ResampleFilter.Bicubic).Pixels;
        var pixels = new byte[image.Pixels.Length];
        for (var at = 0; at < pixels.Length; at += 3)
        {
            var grey = 0.299f * image.Pixels[at] + 0.587f * image.Pixels[at + 1] + 0.114f * image.Pixels[at + 2];
            var colour = Colours[heat[at]];
            pixels[at] = Blend(grey, colour.R);
            pixels[at + 1] = Blend(grey, colour.G);
            pixels[at + 2] = Blend(grey, colour.B);
        }

        return new RgbImage(image.Width, image.Height, pixels);
    }

    /// <summary>All colours from the least on the left to the most on the right.</summary>
    public static RgbImage Scale(int width, int height)
    {
        var scale = new RgbImage(width, height, default(Rgb));
        for (var at = 0; at < width * height; at++)
            Colours[at % width * 255 / Math.Max(1, width - 1)].Fill(scale.Pixels.AsSpan(3 * at, 3));
        return scale;
    }

    private static byte Blend(float grey, byte colour) => (byte)MathF.Round((1 - Share) * grey + Share * colour);

    private static Rgb ColourAt(int level)
    {
        var place = level * (Inferno.Length - 1) / 255f;
        var below = Math.Min((int)place, Inferno.Length - 2);
        var (a, b, share) = (Inferno[below], Inferno[below + 1], place - below);
        byte Between(byte from, byte to) => (byte)MathF.Round(from + share * (to - from));
        return new Rgb(Between(a.R, b.R), Between(a.G, b.G), Between(a.B, b.B));
    }
}
