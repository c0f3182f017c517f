using System.Buffers;

namespace CondEmbed.Images;

/// <summary>
/// The geometry <see cref="Geometry.ShiftScale"/>. Drawn in this order: scale, ratio, shift in x, shift in y, angle. Without a turn
/// the box is resampled at once; with one, a larger box is resampled at the same scale and turned bilinearly.
/// </summary>
internal static class ShiftScale
{
    internal static void Apply(TrainTransform options, RgbImage image, ref SeededRandom random, Span<byte> destination)
    {
        var size = options.Size;
        var side = Math.Min(image.Width, image.Height) * (double)size / (options.Resize ?? size);
        var scaled = side * random.Uniform(options.BoxScale);
        var stretch = Math.Sqrt(RandomBox.LogUniform(options.BoxRatio, ref random));
        var x = image.Width / 2.0 + side * random.Uniform(-options.Shift, options.Shift);
        var y = image.Height / 2.0 + side * random.Uniform(-options.Shift, options.Shift);
        var angle = random.Uniform(-options.Rotation, options.Rotation) * Math.PI / 180;
        var (halfWidth, halfHeight) = (scaled * stretch / 2, scaled / stretch / 2);
        if (angle == 0)
        {
            Sample(options, image, (x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight), size, destination);
            return;
        }

        // The turned square fits into this many pixels, and bilinear needs one more to each side.
        var larger = (int)Math.Ceiling(size * (Math.Abs(Math.Cos(angle)) + Math.Abs(Math.Sin(angle)))) + 2;
        var (wide, high) = (halfWidth * larger / size, halfHeight * larger / size);
        var straight = ArrayPool<byte>.Shared.Rent(larger * larger * 3);
        try
        {
            Sample(options, image, (x - wide, y - high, x + wide, y + high), larger, straight.AsSpan(0, larger * larger * 3));
            Turn(straight, larger, angle, destination, size);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(straight);
        }
    }

    /// <summary>A box that may reach outside the image -> size size 3.</summary>
    private static void Sample(
        TrainTransform options, RgbImage image, (double Left, double Top, double Right, double Bottom) box, int size, Span<byte> destination)
    {
        var (left, right) = Reach(box.Left, box.Right, size, options.Filter);
        var (top, bottom) = Reach(box.Top, box.Bottom, size, options.Filter);
        var (width, height) = (right - left, bottom - top);
        if (left >= 0 && top >= 0 && right <= image.Width && bottom <= image.Height)
        {
            Resampler.Resize(PixelView.Of(image), box, size, size, options.Filter, destination);
            return;
        }

        var padded = ArrayPool<byte>.Shared.Rent(checked(width * height * 3));
        try
        {
            var pixels = padded.AsSpan(0, width * height * 3);
            Surround(options, image, left, top, width, pixels);
            var moved = (box.Left - left, box.Top - top, box.Right - left, box.Bottom - top);
            Resampler.Resize(new PixelView(pixels, width, height, width * 3), moved, size, size, options.Filter, destination);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(padded);
        }
    }

    // The pixels that the filter can see: the box and the filter's radius around it.
    private static (int Low, int High) Reach(double low, double high, int size, ResampleFilter filter)
    {
        var radius = ResampleWeights.Radius(filter) * Math.Max((high - low) / size, 1);
        return ((int)Math.Floor(low - radius), (int)Math.Ceiling(high + radius));
    }

    /// <summary>The rectangle from (left, top) on, width pixels wide, with what surrounds the image where it ends.</summary>
    private static void Surround(TrainTransform options, RgbImage image, int left, int top, int width, Span<byte> target)
    {
        var edge = options.Surround == Images.Surround.Edge;
        var (first, last) = (Math.Clamp(-left, 0, width), Math.Clamp(image.Width - left, 0, width));
        for (var y = 0; y * width * 3 < target.Length; y++)
        {
            var line = target.Slice(y * width * 3, width * 3);
            var row = Math.Clamp(top + y, 0, image.Height - 1);
            if (!edge && row != top + y)
            {
                options.SurroundColour.Fill(line);
                continue;
            }

            var source = image.Pixels.AsSpan(row * image.Width * 3, image.Width * 3);
            if (last > first)
                source.Slice((left + first) * 3, (last - first) * 3).CopyTo(line[(first * 3)..]);
            (edge ? Pixel(source, 0) : options.SurroundColour).Fill(line[..(first * 3)]);
            (edge ? Pixel(source, image.Width - 1) : options.SurroundColour).Fill(line[(Math.Max(first, last) * 3)..]);
        }
    }

    private static Rgb Pixel(ReadOnlySpan<byte> row, int x) => new(row[x * 3], row[x * 3 + 1], row[x * 3 + 2]);

    /// <summary>Turns about the centre, so that the image turns clockwise for positive angles; output pixels are bilinear.</summary>
    private static void Turn(ReadOnlySpan<byte> source, int sourceSize, double angle, Span<byte> destination, int size)
    {
        var (cos, sin) = ((float)Math.Cos(angle), (float)Math.Sin(angle));
        var (centre, sourceCentre) = (size / 2f, sourceSize / 2f);
        var stride = sourceSize * 3;
        for (var y = 0; y < size; y++)
        {
            for (var x = 0; x < size; x++)
            {
                var (u, v) = (x + 0.5f - centre, y + 0.5f - centre);
                var sx = cos * u + sin * v + sourceCentre - 0.5f;
                var sy = cos * v - sin * u + sourceCentre - 0.5f;
                var (column, row) = (Math.Clamp((int)sx, 0, sourceSize - 2), Math.Clamp((int)sy, 0, sourceSize - 2));
                var (right, down) = (sx - column, sy - row);
                var above = source.Slice(row * stride + column * 3, 6);
                var below = source.Slice((row + 1) * stride + column * 3, 6);
                var at = destination.Slice((y * size + x) * 3, 3);
                for (var c = 0; c < 3; c++)
                {
                    var high = above[c] + right * (above[c + 3] - above[c]);
                    var low = below[c] + right * (below[c + 3] - below[c]);
                    at[c] = (byte)(high + down * (low - high) + 0.5f);
                }
            }
        }
    }
}
