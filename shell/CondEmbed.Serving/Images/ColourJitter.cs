namespace CondEmbed.Images;

/// <summary>torchvision's ColorJitter: a random order, a factor for each jitter that is on, applied one after another.</summary>
internal static class ColourJitter
{
    internal static void Apply(TrainTransform options, ref SeededRandom random, Span<byte> pixels)
    {
        if (options is { Brightness: 0, Contrast: 0, Saturation: 0, Hue: 0 })
            return;
        Span<int> order = stackalloc int[4];
        random.Permutation(order);
        var brightness = Factor(options.Brightness, ref random);
        var contrast = Factor(options.Contrast, ref random);
        var saturation = Factor(options.Saturation, ref random);
        var turn = random.Uniform(-options.Hue, options.Hue);
        foreach (var jitter in order)
        {
            switch (jitter)
            {
                case 0:
                    ColourOps.Brightness(pixels, brightness);
                    break;
                case 1:
                    ColourOps.Contrast(pixels, contrast);
                    break;
                case 2:
                    ColourOps.Saturation(pixels, saturation);
                    break;
                default:
                    HueShift.Apply(pixels, turn);
                    break;
            }
        }
    }

    private static float Factor(double strength, ref SeededRandom random) =>
        (float)random.Uniform(Math.Max(0, 1 - strength), 1 + strength);
}
