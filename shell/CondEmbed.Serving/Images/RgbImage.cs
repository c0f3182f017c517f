namespace CondEmbed.Images;

/// <summary>A decoded picture: 8-bit red, green, blue, row after row from the top left, without padding.</summary>
public sealed class RgbImage
{
    /// <summary>Takes over a buffer; it is not copied.</summary>
    /// <param name="width">Pixels in a row, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="pixels">H W 3 bytes.</param>
    /// <exception cref="ArgumentException">The sizes are not positive or do not fit the buffer.</exception>
    public RgbImage(int width, int height, byte[] pixels)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentNullException.ThrowIfNull(pixels);
        if (pixels.LongLength != (long)width * height * 3)
            throw new ArgumentException($"{width} x {height} pixels need {(long)width * height * 3} bytes, not {pixels.Length}.", nameof(pixels));
        Width = width;
        Height = height;
        Pixels = pixels;
    }

    /// <summary>A picture of one colour.</summary>
    public RgbImage(int width, int height, Rgb colour)
        : this(width, height, new byte[checked(width * height * 3)])
    {
        if (colour != default)
            colour.Fill(Pixels);
    }

    private RgbImage((int Width, int Height) size, byte[] pixels) => (Width, Height, Pixels) = (size.Width, size.Height, pixels);

    /// <summary>Takes over a buffer that may be longer than the picture: for use within the library, where the picture does not outlive the buffer's loan.</summary>
    internal static RgbImage Over(int width, int height, byte[] pixels) => new((width, height), pixels);

    /// <summary>A copy of a part of the picture.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The box reaches outside.</exception>
    public RgbImage Part(PixelBox box)
    {
        var view = PixelView.Of(this, box);
        var part = new byte[box.Width * box.Height * 3];
        for (var row = 0; row < box.Height; row++)
            view.Row(row).CopyTo(part.AsSpan(row * box.Width * 3));
        return new RgbImage(box.Width, box.Height, part);
    }

    /// <summary>Pixels in a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>H W 3 bytes. Whoever changes them owns the picture: cached pictures are shared and must be left alone.</summary>
    public byte[] Pixels { get; }
}
