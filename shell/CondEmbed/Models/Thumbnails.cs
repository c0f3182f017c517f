using CondEmbed.Images;
using CondEmbed.Reports;

namespace CondEmbed.Models;

/// <summary>Small images for pages.</summary>
internal static class Thumbnails
{
    /// <summary>The whole image, with its long side limited to the given size: PNG if it was already that small, else JPEG.</summary>
    internal static EncodedImage Of(RgbImage image, int side)
    {
        var longSide = Math.Max(image.Width, image.Height);

        if (longSide <= side)
        {
            return new EncodedImage(ImageEncoder.Png(image));
        }

        var width = Math.Max(1, image.Width * side / longSide);
        var height = Math.Max(1, image.Height * side / longSide);
        return new EncodedImage(ImageEncoder.Jpeg(Resampler.Resize(image, width, height, ResampleFilter.Bilinear)), "image/jpeg");
    }
}
