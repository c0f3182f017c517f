using CondEmbed.Images;
using CondEmbed.Models;
using CondEmbed.Reports;

namespace CondEmbed.Runs;

/// <summary>Combines many thumbnails into one JPEG, so that a page needs one image rather than thousands.</summary>
internal static class SpriteSheet
{
    private const int Quality = 72;

    /// <summary>The images row after row on white, each within a square of the given side.</summary>
    /// <param name="images">Reads an image by its index; called from several threads.</param>
    /// <param name="count">How many there are, at least 1.</param>
    /// <param name="side">Side of a square.</param>
    /// <param name="cancellation">Stops between two images.</param>
    internal static (EncodedImage Image, int Columns, int Rows) Of(Func<int, RgbImage> images, int count, int side, CancellationToken cancellation)
    {
        var columns = (int)Math.Ceiling(Math.Sqrt(count));
        var rows = (count + columns - 1) / columns;
        var sheet = new RgbImage(columns * side, rows * side, new Rgb(255, 255, 255));
        // Squares do not overlap, so that threads never write to the same place.
        ParallelWork.Each(count, place => Copy(Thumbnails.Fitted(images(place), side), sheet, place % columns * side, place / columns * side, side), cancellation: cancellation);
        return (new EncodedImage(ImageEncoder.Jpeg(sheet, Quality), "image/jpeg"), columns, rows);
    }

    private static void Copy(RgbImage image, RgbImage sheet, int left, int top, int side)
    {
        left += (side - image.Width) / 2;
        top += (side - image.Height) / 2;

        for (var row = 0; row < image.Height; row++)
        {
            image.Pixels.AsSpan(3 * row * image.Width, 3 * image.Width).CopyTo(sheet.Pixels.AsSpan(3 * (((top + row) * sheet.Width) + left)));
        }
    }
}
