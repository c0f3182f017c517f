namespace CondEmbed.Images;

/// <summary>
/// Reads and decodes the pictures of a source, through a cache where there is one. All its methods may be called on any thread.
/// </summary>
/// <param name="source">Where the files come from.</param>
/// <param name="decoder">Decodes them; null is Skia with its default limit.</param>
/// <param name="cache">Keeps decoded pictures of this source, and of no other; null keeps none.</param>
public sealed class PictureReader(IImageSource source, IImageDecoder? decoder = null, DecodedCache? cache = null)
{
    private readonly IImageDecoder decoder = decoder ?? new SkiaDecoder();

    /// <summary>Where the files come from.</summary>
    public IImageSource Source { get; } = source ?? throw new ArgumentNullException(nameof(source));

    /// <summary>The decoded picture; shared, so it must not be changed.</summary>
    /// <exception cref="BadPictureException">The file cannot be read or decoded.</exception>
    public RgbImage Read(int index)
    {
        if (cache is not null && cache.TryGet(index, out var known))
            return known;
        var image = Decode(index, null);
        cache?.TryAdd(index, image);
        return image;
    }

    /// <summary>The picture, decoded from a file that was read before, or is read now.</summary>
    internal RgbImage Decode(int index, byte[]? file)
    {
        var name = Source.NameOf(index);
        try
        {
            var image = decoder.Decode(file ?? Source.Read(index), name);
            return Source.BoxOf(index) is not { } box ? image
                : Source.ClipsBoxes && box.Within(image) is { Width: > 0, Height: > 0 } within ? image.Part(within)
                : image.Part(box);
        }
        catch (ArgumentOutOfRangeException problem) when (problem.ParamName == "box")
        {
            throw new BadPictureException(name, "its box reaches outside: " + problem.Message.Split('(')[0].TrimEnd());
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new BadPictureException(name, "the file cannot be read: " + problem.Message.TrimEnd('.'));
        }
    }
}
