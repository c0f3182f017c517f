namespace CondEmbed.Images;

/// <summary>A rectangle of whole pixels.</summary>
/// <param name="Left">First column.</param>
/// <param name="Top">First row.</param>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
public readonly record struct PixelBox(int Left, int Top, int Width, int Height)
{
    /// <summary>The whole of a picture.</summary>
    public static PixelBox Whole(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return new(0, 0, image.Width, image.Height);
    }
}
