using System.Text;

namespace CondEmbed.Images;

/// <summary>
/// torchvision's <c>Resize(Resize)</c> then <c>CenterCrop(Crop)</c> on 8-bit images: the short side becomes Resize pixels, the
/// long one is rounded down, and the middle Crop x Crop pixels are kept (offsets rounded half to even). Where the resized image
/// is smaller than the crop it is padded with black.
/// </summary>
/// <param name="Resize">The short side, in pixels.</param>
/// <param name="Crop">The side of the square, in pixels.</param>
/// <param name="Filter">The interpolation.</param>
public sealed record EvalTransform(int Resize, int Crop, ResampleFilter Filter = ResampleFilter.Bilinear) : IPartTransform
{
    /// <inheritdoc/>
    public int OutputSize => Crop;

    /// <inheritdoc/>
    public Rgb? Background { get; init; }

    /// <summary>H W 3 -> Crop Crop 3.</summary>
    public RgbImage Apply(RgbImage image)
    {
        var pixels = GC.AllocateUninitializedArray<byte>(checked(Crop * Crop * 3));
        Apply(image, pixels);
        return new RgbImage(Crop, Crop, pixels);
    }

    /// <summary>H W 3 -> Crop Crop 3, into a buffer of that many bytes.</summary>
    public void Apply(RgbImage image, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (destination.Length != Crop * Crop * 3)
            throw new ArgumentException($"A square of {Crop} pixels needs {Crop * Crop * 3} bytes, not {destination.Length}.", nameof(destination));
        var (width, height) = ResizedSize(image.Width, image.Height);
        var window = new PixelBox(Offset(width), Offset(height), Math.Min(Crop, width), Math.Min(Crop, height));
        var source = PixelView.Of(image);
        if (window.Width == Crop && window.Height == Crop)
        {
            Resampler.Resize(source, width, height, window, Filter, destination);
            return;
        }

        var part = new byte[window.Width * window.Height * 3];
        Resampler.Resize(source, width, height, window, Filter, part);
        destination.Clear();
        var (left, top) = ((Crop - window.Width) / 2, (Crop - window.Height) / 2);
        for (var y = 0; y < window.Height; y++)
            part.AsSpan(y * window.Width * 3, window.Width * 3).CopyTo(destination[(((top + y) * Crop + left) * 3)..]);
    }

    void IImageTransform.Apply(RgbImage image, ref SeededRandom random, Span<byte> destination) => Apply(image, destination);

    PixelBox IPartTransform.Part(int width, int height, SeededRandom random) => Part(width, height);

    /// <summary>The pixels that the crop is made of, and a few more.</summary>
    internal PixelBox Part(int width, int height)
    {
        var (resizedWidth, resizedHeight) = ResizedSize(width, height);
        var (left, right) = Reach(width, resizedWidth);
        var (top, bottom) = Reach(height, resizedHeight);
        return new PixelBox(left, top, right - left, bottom - top);
    }

    private (int Low, int High) Reach(int side, int resized)
    {
        var scale = (double)side / resized;
        var around = ResampleWeights.Radius(Filter) * Math.Max(scale, 1) + 1;
        var (first, count) = (Offset(resized), Math.Min(Crop, resized));
        return (Math.Max((int)(first * scale - around), 0), Math.Min((int)Math.Ceiling((first + count) * scale + around), side));
    }

    /// <summary>The size after the resize, before the crop.</summary>
    internal (int Width, int Height) ResizedSize(int width, int height) =>
        width <= height ? (Resize, (int)((long)Resize * height / width)) : ((int)((long)Resize * width / height), Resize);

    // Network fingerprints include this text, so it names only what differs from the original defaults.
    private bool PrintMembers(StringBuilder text)
    {
        text.Append(CultureInfo.InvariantCulture, $"Resize = {Resize}, Crop = {Crop}, Filter = {Filter}, OutputSize = {OutputSize}");
        if (Background is { } colour)
            text.Append(CultureInfo.InvariantCulture, $", Background = {colour.ToHex()}");
        return true;
    }

    private int Offset(int side) => side <= Crop ? 0 : (int)Math.Round((side - Crop) / 2.0, MidpointRounding.ToEven);
}
