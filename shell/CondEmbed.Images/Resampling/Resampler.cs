using System.Buffers;

namespace CondEmbed.Images;

/// <summary>How pixels are interpolated. Both widen when shrinking (antialias), as Pillow's do.</summary>
public enum ResampleFilter
{
    /// <summary>A triangle, 1 pixel to each side.</summary>
    Bilinear,

    /// <summary>Keys' cubic convolution with a = -1/2, 2 pixels to each side.</summary>
    Bicubic
}

/// <summary>
/// Pillow's separable resampling, bit for bit: rows first, rounded to 8 bits, then columns, in 22-bit fixed point. Only the
/// window that is asked for is computed.
/// </summary>
public static class Resampler
{
    /// <summary>H W 3 -> height width 3, as <c>Image.resize((width, height), filter)</c>.</summary>
    public static RgbImage Resize(RgbImage image, int width, int height, ResampleFilter filter)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Resize(image, PixelBox.Whole(image), width, height, filter);
    }

    /// <summary>
    /// Crops, then resizes: <c>image.crop(box).resize((width, height), filter)</c>, which is torchvision's resized_crop. Pixels
    /// outside the box have no influence.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The box is not inside the image, or a size is not positive.</exception>
    public static RgbImage Resize(RgbImage image, PixelBox box, int width, int height, ResampleFilter filter)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        var pixels = GC.AllocateUninitializedArray<byte>(checked(width * height * 3));
        Resize(PixelView.Of(image, box), width, height, new PixelBox(0, 0, width, height), filter, pixels);
        return new RgbImage(width, height, pixels);
    }

    /// <summary>As above, into a buffer of height x width x 3 bytes.</summary>
    public static void Resize(RgbImage image, PixelBox box, int width, int height, ResampleFilter filter, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(image);
        Resize(PixelView.Of(image, box), width, height, new PixelBox(0, 0, width, height), filter, destination);
    }

    /// <summary>The window of an image resized to width x height; destination is window.Height x window.Width x 3 bytes.</summary>
    internal static void Resize(PixelView source, int width, int height, PixelBox window, ResampleFilter filter, Span<byte> destination)
    {
        var columns = ResampleWeights.Of(source.Width, width, window.Left, window.Width, filter);
        var rows = ResampleWeights.Of(source.Height, height, window.Top, window.Height, filter);
        Convolve(source, columns, rows, window.Left, destination);
    }

    /// <summary>A box of fractional edges inside the view, resized to a whole destination (Pillow's <c>resize(box=...)</c>).</summary>
    internal static void Resize(
        PixelView source, (double Left, double Top, double Right, double Bottom) box, int width, int height, ResampleFilter filter,
        Span<byte> destination)
    {
        var columns = new ResampleWeights(source.Width, box.Left, box.Right, width, 0, width, filter);
        var rows = new ResampleWeights(source.Height, box.Top, box.Bottom, height, 0, height, filter);
        Convolve(source, columns, rows, 0, destination);
    }

    private static void Convolve(PixelView source, ResampleWeights columns, ResampleWeights rows, int firstColumn, Span<byte> destination)
    {
        if (destination.Length != columns.Count * rows.Count * 3)
            throw new ArgumentException($"The window needs {columns.Count * rows.Count * 3} bytes, not {destination.Length}.", nameof(destination));
        if (columns.IsIdentity)
        {
            ResampleKernels.Columns(source.Onwards(firstColumn, rows.First), source.Stride, rows, columns.Count * 3, destination);
            return;
        }

        var stride = columns.Count * 3;
        var between = ArrayPool<byte>.Shared.Rent((rows.End - rows.First) * stride + ResampleKernels.Spill);
        try
        {
            ResampleKernels.Rows(source, rows.First, rows.End, columns, between);
            ResampleKernels.Columns(between, stride, rows, stride, destination);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(between);
        }
    }
}
