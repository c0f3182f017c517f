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

    /// <summary>The whole of a picture of that size.</summary>
    internal static PixelBox Whole(int width, int height) => new(0, 0, width, height);

    /// <summary>The part that lies within a picture; without columns or rows where none does.</summary>
    public PixelBox Within(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var (left, top) = (Math.Max(Left, 0), Math.Max(Top, 0));
        return new(left, top, Math.Min(Left + Width, image.Width) - left, Math.Min(Top + Height, image.Height) - top);
    }
}
