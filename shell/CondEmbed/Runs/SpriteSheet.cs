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
    /// <param name="cancellationToken">Stops between two images.</param>
    internal static (EncodedImage Image, int Columns, int Rows) Of(Func<int, RgbImage> images, int count, int side, CancellationToken cancellationToken)
    {
        var columns = (int)Math.Ceiling(Math.Sqrt(count));
        var rows = (count + columns - 1) / columns;
        var sheet = new RgbImage(columns * side, rows * side, new Rgb(255, 255, 255));
        // Squares do not overlap, so that threads never write to the same place.
        ParallelWork.Each(count, Put, cancellationToken: cancellationToken);
        return (new EncodedImage(ImageEncoder.Jpeg(sheet, Quality), "image/jpeg"), columns, rows);

        void Put(int place)
        {
            var image = Thumbnails.Fitted(images(place), side);
            sheet.Put(image, (place % columns * side) + ((side - image.Width) / 2), (place / columns * side) + ((side - image.Height) / 2));
        }
    }
}
