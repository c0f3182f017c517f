namespace CondEmbed.Images;

/// <summary>A decoded image: 8-bit red, green, blue, row after row from the top left, without padding.</summary>
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

    /// <summary>An image of one colour.</summary>
    public RgbImage(int width, int height, Rgb colour)
        : this(width, height, new byte[checked(width * height * 3)])
    {
        if (colour != default)
            colour.Fill(Pixels);
    }

    private RgbImage((int Width, int Height) size, byte[] pixels) => (Width, Height, Pixels) = (size.Width, size.Height, pixels);

    /// <summary>
    /// A copy of an image that another library decoded. Transparency is dropped: draw an image that has it onto its background first.
    /// </summary>
    /// <param name="pixels">Its bytes, from the first of the top row to at least the last of the bottom row.</param>
    /// <param name="width">Pixels in a row, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="stride">Bytes from the beginning of a row to that of the next; 0 where rows follow each other without a gap.</param>
    /// <param name="order">What the bytes of a pixel are.</param>
    /// <exception cref="ArgumentException">The span is too short for the sizes.</exception>
    public static RgbImage FromPixels(ReadOnlySpan<byte> pixels, int width, int height, int stride = 0, PixelOrder order = PixelOrder.Rgb)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        var (size, red, green, blue) = order switch
        {
            PixelOrder.Rgb => (3, 0, 1, 2),
            PixelOrder.Bgr => (3, 2, 1, 0),
            PixelOrder.Rgba => (4, 0, 1, 2),
            PixelOrder.Bgra => (4, 2, 1, 0),
            PixelOrder.Grey => (1, 0, 0, 0),
            _ => throw new ArgumentOutOfRangeException(nameof(order), order, "unknown order of the bytes of a pixel"),
        };
        var row = checked(width * size);
        stride = stride == 0 ? row : stride;
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, row);
        if (pixels.Length < ((height - 1L) * stride) + row)
            throw new ArgumentException($"{width} x {height} pixels with rows of {stride} bytes need {((height - 1L) * stride) + row} bytes, not {pixels.Length}.", nameof(pixels));

        var image = new RgbImage(width, height, new byte[checked(width * height * 3)]);
        for (var y = 0; y < height; y++)
        {
            var from = pixels.Slice(y * stride, row);
            var to = image.Pixels.AsSpan(y * width * 3, width * 3);
            for (var (x, at) = (0, 0); x < to.Length; x += 3, at += size)
                (to[x], to[x + 1], to[x + 2]) = (from[at + red], from[at + green], from[at + blue]);
        }

        return image;
    }

    /// <summary>Takes over a buffer that may be longer than the image: for use within the library, where the image does not outlive the buffer's loan.</summary>
    internal static RgbImage Over(int width, int height, byte[] pixels) => new((width, height), pixels);

    /// <summary>A copy of a part of the image.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The box reaches outside.</exception>
    public RgbImage Part(PixelBox box)
    {
        var view = PixelView.Of(this, box);
        var part = new byte[box.Width * box.Height * 3];
        for (var row = 0; row < box.Height; row++)
            view.Row(row).CopyTo(part.AsSpan(row * box.Width * 3));
        return new RgbImage(box.Width, box.Height, part);
    }

    /// <summary>Copies an image into this one, which must have room for all of it.</summary>
    internal void Put(RgbImage image, int left, int top)
    {
        for (var row = 0; row < image.Height; row++)
            image.Pixels.AsSpan(3 * row * image.Width, 3 * image.Width).CopyTo(Pixels.AsSpan(3 * (((top + row) * Width) + left)));
    }

    /// <summary>Pixels in a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Its size, in one line.</summary>
    public override string ToString() => $"image, {Width} x {Height} px";

    /// <summary>H W 3 bytes. Whoever changes them owns the image: cached images are shared and must be left alone.</summary>
    public byte[] Pixels { get; }
}

/// <summary>An 8-bit colour.</summary>
/// <param name="R">Red.</param>
/// <param name="G">Green.</param>
/// <param name="B">Blue.</param>
public readonly record struct Rgb(byte R, byte G, byte B)
{
    /// <summary>The colour that a number such as 0xff8000 stands for.</summary>
    public static Rgb Of(int number) => new((byte)(number >> 16), (byte)(number >> 8), (byte)number);

    /// <summary>As in <c>#ff8000</c>.</summary>
    public string ToHex() => $"#{R:x2}{G:x2}{B:x2}";

    /// <summary>Overwrites whole pixels with this colour; a rest of one or two bytes is left alone.</summary>
    public void Fill(Span<byte> pixels)
    {
        for (var i = 0; i + 2 < pixels.Length; i += 3)
        {
            pixels[i] = R;
            pixels[i + 1] = G;
            pixels[i + 2] = B;
        }
    }
}

/// <summary>A rectangle of whole pixels.</summary>
/// <param name="Left">First column.</param>
/// <param name="Top">First row.</param>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
public readonly record struct PixelBox(int Left, int Top, int Width, int Height)
{
    /// <summary>The whole of an image.</summary>
    public static PixelBox Whole(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return new(0, 0, image.Width, image.Height);
    }

    /// <summary>The whole of an image of that size.</summary>
    internal static PixelBox Whole(int width, int height) => new(0, 0, width, height);

    /// <summary>The part inside an image; it has no columns or rows if none is.</summary>
    public PixelBox Within(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var (left, top) = (Math.Max(Left, 0), Math.Max(Top, 0));
        return new(left, top, Math.Min(Left + Width, image.Width) - left, Math.Min(Top + Height, image.Height) - top);
    }
}

/// <summary>A rectangle of an RGB image, without a copy. What lies outside it does not exist for the resampler.</summary>
/// <param name="pixels">Its bytes, from the first of the top row.</param>
/// <param name="width">Pixels in a row.</param>
/// <param name="height">Rows.</param>
/// <param name="stride">Bytes from the beginning of a row to that of the next.</param>
internal readonly ref struct PixelView(ReadOnlySpan<byte> pixels, int width, int height, int stride)
{
    private readonly ReadOnlySpan<byte> pixels = pixels;

    internal int Width { get; } = width;

    internal int Height { get; } = height;

    internal int Stride { get; } = stride;

    internal static PixelView Of(RgbImage image) => new(image.Pixels, image.Width, image.Height, image.Width * 3);

    /// <summary>A part of an image.</summary>
    internal static PixelView Of(RgbImage image, PixelBox box) => Of(image).Part(box);

    /// <summary>A part of this one.</summary>
    internal PixelView Part(PixelBox box)
    {
        if (box.Left < 0 || box.Top < 0 || box.Width < 1 || box.Height < 1 || box.Left > Width - box.Width || box.Top > Height - box.Height)
            throw new ArgumentOutOfRangeException(nameof(box), $"{box} is not inside {Width} x {Height} pixels.");
        return new(Onwards(box.Left, box.Top), box.Width, box.Height, Stride);
    }

    /// <summary>The bytes of a row, exactly.</summary>
    internal ReadOnlySpan<byte> Row(int y) => pixels.Slice(y * Stride, Width * 3);

    /// <summary>A row from pixel x on, and as many bytes after its end as the buffer holds.</summary>
    internal ReadOnlySpan<byte> Onwards(int x, int y) => pixels[(y * Stride + x * 3)..];
}
