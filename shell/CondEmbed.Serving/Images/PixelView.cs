using System.Runtime.InteropServices;

namespace CondEmbed.Images;

/// <summary>A rectangle of an RGB picture, without a copy. What lies outside it does not exist for the resampler.</summary>
internal readonly ref struct PixelView
{
    private readonly ReadOnlySpan<byte> pixels;

    /// <summary>A view whose rows are <paramref name="stride"/> bytes apart and begin at the span's start.</summary>
    internal PixelView(ReadOnlySpan<byte> pixels, int width, int height, int stride)
    {
        this.pixels = pixels;
        Width = width;
        Height = height;
        Stride = stride;
    }

    internal int Width { get; }

    internal int Height { get; }

    internal int Stride { get; }

    internal static PixelView Of(RgbImage image) => new(image.Pixels, image.Width, image.Height, image.Width * 3);

    /// <summary>A part of a picture.</summary>
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

    internal ref byte Start => ref MemoryMarshal.GetReference(pixels);
}
