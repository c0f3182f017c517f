namespace CondEmbed.Images;

/// <summary>The random rectangles of torchvision: area uniform, aspect log-uniform, ten tries, then a fallback.</summary>
internal static class RandomBox
{
    private const int Tries = 10;

    /// <summary>RandomResizedCrop.get_params: a box inside an image of width x height.</summary>
    internal static PixelBox ToCrop(int width, int height, Interval scale, Interval ratio, ref SeededRandom random)
    {
        for (var i = 0; i < Tries; i++)
        {
            var area = (double)width * height * random.Uniform(scale);
            var aspect = LogUniform(ratio, ref random);
            var w = Round(Math.Sqrt(area * aspect));
            var h = Round(Math.Sqrt(area / aspect));
            if (w < 1 || h < 1 || w > width || h > height)
                continue;
            var top = random.Next(height - h + 1);
            return new PixelBox(random.Next(width - w + 1), top, w, h);
        }

        return Central(width, height, ratio);
    }

    /// <summary>RandomErasing.get_params in a square view; null when no try fits, and then nothing is erased.</summary>
    internal static PixelBox? ToErase(int size, Interval scale, Interval ratio, ref SeededRandom random)
    {
        for (var i = 0; i < Tries; i++)
        {
            var area = (double)size * size * random.Uniform(scale);
            var aspect = LogUniform(ratio, ref random);
            var h = Round(Math.Sqrt(area * aspect));
            var w = Round(Math.Sqrt(area / aspect));
            if (h >= size || w >= size)
                continue;
            var top = random.Next(size - h + 1);
            return new PixelBox(random.Next(size - w + 1), top, w, h);
        }

        return null;
    }

    /// <summary>exp of a uniform logarithm; exactly the end when both ends are equal.</summary>
    internal static double LogUniform(Interval ratio, ref SeededRandom random)
    {
        var exponent = random.Uniform(Math.Log(ratio.Low), Math.Log(ratio.High));
        return ratio.Low == ratio.High ? ratio.Low : Math.Exp(exponent);
    }

    // The largest centred box whose aspect is within the ratio. A very thin image still gives one pixel.
    private static PixelBox Central(int width, int height, Interval ratio)
    {
        var (w, h) = (width, height);
        var aspect = (double)width / height;
        if (aspect < ratio.Low)
            h = Math.Clamp(Round(width / ratio.Low), 1, height);
        else if (aspect > ratio.High)
            w = Math.Clamp(Round(height * ratio.High), 1, width);
        return new PixelBox((width - w) / 2, (height - h) / 2, w, h);
    }

    private static int Round(double number) => (int)Math.Round(number, MidpointRounding.ToEven);
}
