namespace CondEmbed.Images;

/// <summary>
/// Reads and decodes the images of a source, through a cache if there is one. All its methods may be called on any thread.
/// </summary>
/// <param name="source">Where the files come from.</param>
/// <param name="decoder">Decodes them; null for Skia with its default limit.</param>
/// <param name="cache">Keeps decoded images of this source only; null keeps none.</param>
public sealed class ImageReader(IImageSource source, IImageDecoder? decoder = null, DecodedCache? cache = null)
{
    private readonly IImageDecoder decoder = decoder ?? new SkiaDecoder();
    private ImageCache? file;

    /// <summary>Where the files come from.</summary>
    public IImageSource Source { get; } = source ?? throw new ArgumentNullException(nameof(source));

    /// <summary>The decoded image; shared, so it must not be changed.</summary>
    /// <exception cref="BadImageException">The file cannot be read or decoded.</exception>
    public RgbImage Read(int index)
    {
        if (cache is not null && cache.TryGet(index, out var known))
            return known;
        var image = Decode(index, null);
        cache?.TryAdd(index, image);
        return image;
    }

    /// <summary>
    /// A view of an image. Of a JPEG that no cache has or will have, only the rows that the view shows are decoded, so damage below them in the file is
    /// not noticed.
    /// </summary>
    /// <param name="index">Which image.</param>
    /// <param name="transform">Makes the view.</param>
    /// <param name="random">The image's own stream.</param>
    /// <param name="destination">OutputSize x OutputSize x 3 bytes.</param>
    /// <exception cref="BadImageException">The file cannot be read or decoded.</exception>
    internal void View(int index, IImageTransform transform, ref SeededRandom random, Span<byte> destination)
    {
        using var loan = DecodeMemory.Begin();
        if (transform.Background is { } colour && decoder is SkiaDecoder other && other.Background != colour)
        {
            // The cached image has another background colour.
            transform.Apply(Decode(index, null, other with { Background = colour }), ref random, destination);
            return;
        }

        if (file?.TryView(this, index, transform, ref random, destination) == true)
            return;
        if (transform is IPartTransform part && decoder is SkiaDecoder skia && IsForOnce(index))
            View(index, part, skia, ref random, destination);
        else
            transform.Apply(Read(index), ref random, destination);
    }

    /// <summary>The same images, whose views come from a file of decoded images where possible; it keeps none in memory.</summary>
    internal ImageReader With(ImageCache cached) => new(Source, decoder) { file = cached };

    /// <summary>The image, decoded from a file that was read before, or is read now.</summary>
    internal RgbImage Decode(int index, byte[]? file) => Decode(index, file, decoder);

    /// <summary>What is behind the transparent parts of its images; null where transparency is dropped.</summary>
    internal Rgb? Background => (decoder as SkiaDecoder)?.Background;

    private RgbImage Decode(int index, byte[]? file, IImageDecoder decoder)
    {
        var bytes = file ?? Named(index, () => Source.Read(index));
        return Telemetry.Decode.Run(() => Part(index, bytes, decoder));
    }

    /// <summary>The part of an image that is used.</summary>
    private RgbImage Part(int index, byte[] file, IImageDecoder decoder)
    {
        return Named(index, () =>
        {
            var image = decoder.Decode(file, Source.NameOf(index));
            return Source.BoxOf(index) is not { } box ? image
                : Source.ClipsBoxes && box.Within(image) is { Width: > 0, Height: > 0 } within ? image.Part(within)
                : image.Part(box);
        });
    }

    /// <summary>Whether an image is used whole, and neither is nor will be in a cache.</summary>
    private bool IsForOnce(int index) => cache?.IsFull != false && cache?.TryGet(index, out _) != true && Named(index, () => Source.BoxOf(index)) is null;

    private void View(int index, IPartTransform transform, SkiaDecoder skia, ref SeededRandom random, Span<byte> destination)
    {
        var (file, stream, lent) = (Named(index, () => Source.Read(index)), random, (byte[]?)null);
        try
        {
            var image = Telemetry.Decode.Run(() =>
                skia.ReadRows(file, Source.NameOf(index), (width, height) => transform.Part(width, height, stream), length => lent = DecodeMemory.Rent(length))
                ?? Part(index, file, decoder));
            transform.Apply(image, ref random, destination);
        }
        finally
        {
            if (lent is not null)
                DecodeMemory.Return(lent);
        }
    }

    /// <summary>Runs work on an image, and reports its problems under the image's name.</summary>
    private T Named<T>(int index, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (ArgumentOutOfRangeException problem) when (problem.ParamName == "box")
        {
            throw new BadImageException(Source.NameOf(index), "its box reaches outside: " + problem.Message.Split('(')[0].TrimEnd());
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new BadImageException(Source.NameOf(index), "the file cannot be read: " + problem.Message.TrimEnd('.'));
        }
    }
}
