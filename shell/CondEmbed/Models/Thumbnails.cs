using CondEmbed.Reports;

namespace CondEmbed.Models;

/// <summary>Small images for pages.</summary>
internal static class Thumbnails
{
    /// <summary>The whole image, with its long side limited to the given size: PNG if it was already that small, else JPEG.</summary>
    internal static EncodedImage Of(RgbImage image, int side)
    {
        var fitted = Fitted(image, side);
        return fitted == image ? new EncodedImage(ImageEncoder.Png(image)) : new EncodedImage(ImageEncoder.Jpeg(fitted), "image/jpeg");
    }

    /// <summary>The image with its long side limited to the given size; itself if it was already that small.</summary>
    internal static RgbImage Fitted(RgbImage image, int side)
    {
        var longSide = Math.Max(image.Width, image.Height);
        return longSide <= side
            ? image
            : Resampler.Resize(image, Math.Max(1, image.Width * side / longSide), Math.Max(1, image.Height * side / longSide), ResampleFilter.Bilinear);
    }
}
