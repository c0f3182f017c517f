using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

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

/// <summary>
/// The colour changes of torchvision on 8-bit images, in Pillow's own arithmetic (ImageEnhance's blend in single precision,
/// truncated; ITU-R 601-2 grey in 16-bit fixed point). All work in place on packed RGB pixels.
/// </summary>
internal static class ColourOps
{
    private static readonly Vector128<byte> FiveReversed = Vector128.Create((byte)0xFF, 12, 13, 14, 9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2);

    /// <summary>Blends with black: 0 is black, 1 the image.</summary>
    internal static void Brightness(Span<byte> pixels, float factor) => BlendWithConstant(pixels, 0, factor);

    /// <summary>Blends with the image's mean grey, rounded half up: 0 is flat grey, 1 the image.</summary>
    internal static void Contrast(Span<byte> pixels, float factor)
    {
        if (factor == 1)
            return;
        var sum = 0L;
        for (var i = 0; i + 2 < pixels.Length; i += 3)
            sum += Luma(pixels[i], pixels[i + 1], pixels[i + 2]);
        BlendWithConstant(pixels, (byte)((double)sum / (pixels.Length / 3) + 0.5), factor);
    }

    /// <summary>Blends with the grey image: 0 is grey, 1 the image.</summary>
    internal static void Saturation(Span<byte> pixels, float factor)
    {
        if (factor == 1)
            return;
        for (var i = 0; i + 2 < pixels.Length; i += 3)
        {
            var grey = Luma(pixels[i], pixels[i + 1], pixels[i + 2]);
            pixels[i] = Blend(grey, pixels[i], factor);
            pixels[i + 1] = Blend(grey, pixels[i + 1], factor);
            pixels[i + 2] = Blend(grey, pixels[i + 2], factor);
        }
    }

    /// <summary>Every pixel becomes its grey.</summary>
    internal static void Greyscale(Span<byte> pixels)
    {
        for (var i = 0; i + 2 < pixels.Length; i += 3)
            pixels.Slice(i, 3).Fill(Luma(pixels[i], pixels[i + 1], pixels[i + 2]));
    }

    /// <summary>Mirrors left and right.</summary>
    internal static void Flip(Span<byte> pixels, int width)
    {
        var length = width * 3;
        var mirrored = ArrayPool<byte>.Shared.Rent(length);
        for (var start = 0; start < pixels.Length; start += length)
        {
            var row = pixels.Slice(start, length);
            Mirror(row, mirrored);
            mirrored.AsSpan(0, length).CopyTo(row);
        }

        ArrayPool<byte>.Shared.Return(mirrored);
    }

    /// <summary>A row the other way round.</summary>
    private static void Mirror(ReadOnlySpan<byte> row, Span<byte> target)
    {
        var (from, to) = (0, row.Length);
        // Five pixels a time; what else the vector holds goes to where the next ones, to the left, will be.
        for (; from + 16 <= row.Length; from += 15, to -= 15)
            Vector128.Shuffle(Vector128.Create(row.Slice(from, 16)), FiveReversed).CopyTo(target[(to - 16)..]);
        for (; from < row.Length; from += 3)
        {
            to -= 3;
            row.Slice(from, 3).CopyTo(target[to..]);
        }
    }

    /// <summary>Pillow's convert("L") of one pixel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static byte Luma(byte r, byte g, byte b) => (byte)((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16);

    private static void BlendWithConstant(Span<byte> pixels, byte constant, float factor)
    {
        if (factor == 1)
            return;
        Span<byte> table = stackalloc byte[256];
        for (var value = 0; value < 256; value++)
            table[value] = Blend(constant, (byte)value, factor);
        foreach (ref var value in pixels)
            value = table[value];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte Blend(byte degenerate, byte original, float factor)
    {
        var mixed = degenerate + factor * (original - degenerate);
        return mixed <= 0 ? (byte)0 : mixed >= 255 ? (byte)255 : (byte)mixed;
    }
}
