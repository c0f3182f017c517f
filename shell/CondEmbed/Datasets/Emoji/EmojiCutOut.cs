namespace CondEmbed.Datasets;

/// <summary>An emoji without the white that it was drawn on, to be laid over other images.</summary>
/// <param name="image">H W 3, on white.</param>
/// <param name="cover">H W 3: how much of what lies below each pixel covers.</param>
internal sealed class EmojiCutOut(RgbImage image, RgbImage cover)
{
    // The renderer's background around an emoji is 255; slightly darker pixels may be a soft shadow, which is kept.
    private const int White = 250;

    /// <summary>
    /// Cuts along the edge of the white that reaches in from the border. White that is enclosed belongs to the emoji. A pixel beside
    /// the edge is a mix of white and the emoji's colour, and covers as much of what lies below as it is of that colour.
    /// </summary>
    /// <param name="onWhite">H W 3; taken over.</param>
    internal static EmojiCutOut Of(RgbImage onWhite)
    {
        var outside = Outside(onWhite);
        var cover = new byte[onWhite.Pixels.Length];
        for (var at = 0; at < outside.Length; at++)
        {
            var share = outside[at] ? 0 : Beside(onWhite, outside, at) ? Share(onWhite, at) : 255;
            cover.AsSpan(at * 3, 3).Fill((byte)share);
        }

        return new EmojiCutOut(onWhite, new RgbImage(onWhite.Width, onWhite.Height, cover));
    }

    /// <summary>Lays the emoji over a part of the canvas. With c on white and cover a, a pixel b becomes c - (1 - a) (white - b).</summary>
    internal void Draw(RgbImage canvas, PixelBox box)
    {
        var small = Resampler.Resize(image, box.Width, box.Height, ResampleFilter.Bilinear).Pixels;
        var covers = Resampler.Resize(cover, box.Width, box.Height, ResampleFilter.Bilinear).Pixels;
        var stride = box.Width * 3;
        for (var row = 0; row < box.Height; row++)
        {
            var below = canvas.Pixels.AsSpan(((box.Top + row) * canvas.Width + box.Left) * 3, stride);
            for (var at = 0; at < stride; at++)
            {
                var from = row * stride + at;
                var missing = ((255 - covers[from]) * (255 - below[at]) + 127) / 255;
                below[at] = (byte)Math.Max(0, small[from] - missing);
            }
        }
    }

    private static bool[] Outside(RgbImage image)
    {
        var outside = new bool[image.Width * image.Height];
        var open = new Stack<int>();
        void Reach(int x, int y)
        {
            var at = y * image.Width + x;
            if (x >= 0 && y >= 0 && x < image.Width && y < image.Height && !outside[at] && IsWhite(image, at))
            {
                outside[at] = true;
                open.Push(at);
            }
        }

        for (var x = 0; x < image.Width; x++)
        {
            Reach(x, 0);
            Reach(x, image.Height - 1);
        }

        for (var y = 0; y < image.Height; y++)
        {
            Reach(0, y);
            Reach(image.Width - 1, y);
        }

        while (open.TryPop(out var at))
        {
            var (y, x) = Math.DivRem(at, image.Width);
            Reach(x - 1, y);
            Reach(x + 1, y);
            Reach(x, y - 1);
            Reach(x, y + 1);
        }

        return outside;
    }

    private static bool IsWhite(RgbImage image, int at) => image.Pixels.AsSpan(at * 3, 3).IndexOfAnyInRange((byte)0, (byte)(White - 1)) < 0;

    private static bool Beside(RgbImage image, bool[] outside, int at) => Around(image, at, 1).Any(near => outside[near]);

    // The emoji's own colour there is taken to be the strongest within two pixels.
    private static int Share(RgbImage image, int at)
    {
        var strongest = Around(image, at, 2).Max(near => Strength(image, near));
        return (Strength(image, at) * 255 + strongest / 2) / strongest;
    }

    private static int Strength(RgbImage image, int at) =>
        3 * 255 - image.Pixels[at * 3] - image.Pixels[at * 3 + 1] - image.Pixels[at * 3 + 2];

    private static IEnumerable<int> Around(RgbImage image, int at, int reach)
    {
        var (y, x) = Math.DivRem(at, image.Width);
        for (var row = Math.Max(0, y - reach); row <= Math.Min(image.Height - 1, y + reach); row++)
        {
            for (var column = Math.Max(0, x - reach); column <= Math.Min(image.Width - 1, x + reach); column++)
            {
                yield return row * image.Width + column;
            }
        }
    }
}
