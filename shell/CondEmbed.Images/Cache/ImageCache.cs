using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace CondEmbed.Images;

/// <summary>A file of decoded images, so that only the first epoch, or the first run, has to decode them.</summary>
/// <param name="Folder">The folder of the file, created if missing. Several processes may use it at once.</param>
/// <param name="Side">The short side to which larger images are shrunk, in pixels.</param>
/// <param name="Filter">The interpolation.</param>
public sealed record ImageCacheOptions(string Folder, int Side = 256, ResampleFilter Filter = ResampleFilter.Bilinear)
{
    /// <summary>The image as the cache keeps it: unchanged, or shrunk like the evaluation's resize.</summary>
    internal RgbImage Shrunk(RgbImage image)
    {
        if (Math.Min(image.Width, image.Height) <= Side)
            return image;
        var (width, height) = new EvalTransform(Side, Side, Filter).ResizedSize(image.Width, image.Height);
        return Resampler.Resize(image, width, height, Filter);
    }

    /// <summary>
    /// Whether a view may be made from the shrunk image: a random view for training, or one with the same result. Measurements must not depend on a
    /// cache.
    /// </summary>
    internal bool Serves(IImageTransform transform, int width, int height) => transform switch
    {
        TrainTransform { Geometry: not Geometry.CentreCrop } => true,
        TrainTransform train => Serves(train.View, width, height),
        EvalTransform view => (view.Resize == Side && view.Filter == Filter) || Math.Min(width, height) < Side,
        _ => false
    };
}

/// <summary>
/// Decoded images in a file, which several processes may use at once: the system keeps as much of it in memory as fits. Each image is checked whenever it is read. One
/// that is damaged, or cut off by another program meanwhile, is made from its own file instead, and the whole cache is made again at the next opening.
/// </summary>
public sealed class ImageCache : IDisposable
{
    private readonly string path;
    private readonly ImageCacheOptions options;
    private readonly CachedImage[] images;
    private readonly Dictionary<int, int> places = [];
    private readonly SafeFileHandle handle;
    private volatile bool isDamaged;
    private bool isDisposed;

    private ImageCache(
        string path, byte[] key, ImageCacheOptions options, ImageReader reader, IReadOnlyList<int> items, Func<IReadOnlyList<int>, ImageCheck> check)
    {
        (this.path, this.options) = (path, options);
        handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        images = handle.OrDispose(opened => ImageCacheFile.ReadStart(opened, path, key, items.Count));
        Check = handle.OrDispose(_ => check([.. items.Where((_, place) => images[place].Width == 0)]));
        Reader = reader.With(this);
        for (var place = 0; place < items.Count; place++)
            places[items[place]] = place;
    }

    /// <summary>Reads the images, and takes views from the cache where the result is the same or is for training. It must not outlive the cache.</summary>
    public ImageReader Reader { get; }

    /// <summary>The images that cannot be used, and so are not in the cache.</summary>
    public ImageCheck Check { get; }

    /// <summary>Finds the file that contains these images in this size, or creates it, which decodes all of them.</summary>
    /// <param name="reader">Where the images come from.</param>
    /// <param name="options">The folder, the size and the interpolation.</param>
    /// <param name="items">Which images; null for all in the source.</param>
    /// <param name="workers">Threads; 0 for one per core.</param>
    /// <param name="progress">Called about 200 times each while reading all files and, if needed, decoding them, from any thread.</param>
    /// <param name="cancellationToken">Ends the work with an OperationCanceledException.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static ImageCache Open(
        ImageReader reader, ImageCacheOptions options, IReadOnlyList<int>? items = null, int workers = 0, IProgress<RunProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(options);
        return new ImageCacheBuilder(reader, items ?? [.. Enumerable.Range(0, reader.Source.Count)], options, workers, progress, cancellationToken).Open();
    }

    /// <summary>Opens the file; null if it does not exist or is incomplete.</summary>
    /// <param name="path">The file.</param>
    /// <param name="key">What its header must say.</param>
    /// <param name="items">The images in it.</param>
    /// <param name="options">How the images are stored.</param>
    /// <param name="reader">Reads the images themselves.</param>
    /// <param name="check">Called with the images that were left out when the file was made, and finds those that cannot be used.</param>
    internal static ImageCache? TryOpen(
        string path, byte[] key, IReadOnlyList<int> items, ImageCacheOptions options, ImageReader reader, Func<IReadOnlyList<int>, ImageCheck> check)
    {
        try
        {
            return new ImageCache(path, key, options, reader, items, check);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>Makes a view of an image; false if the caller has to make it from the image itself.</summary>
    /// <param name="reader">Decodes an image that is damaged here.</param>
    /// <param name="index">Which image.</param>
    /// <param name="transform">Makes the view.</param>
    /// <param name="random">The image's own stream.</param>
    /// <param name="destination">OutputSize x OutputSize x 3 bytes.</param>
    internal bool TryView(ImageReader reader, int index, IImageTransform transform, ref SeededRandom random, Span<byte> destination)
    {
        if (!places.TryGetValue(index, out var place) || images[place] is not { Width: > 0 } cached)
            return false;
        if (!options.Serves(transform, cached.Width, cached.Height))
            return false;
        var lent = ArrayPool<byte>.Shared.Rent(cached.Length);
        try
        {
            var image = TryRead(cached, lent.AsSpan(0, cached.Length))
                ? RgbImage.Over(cached.Width, cached.Height, lent)
                : options.Shrunk(reader.Decode(index, null));
            transform.Apply(image, ref random, destination);
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(lent);
        }
    }

    /// <summary>Closes the file, and deletes it if it is damaged.</summary>
    public void Dispose()
    {
        if (isDisposed)
            return;
        isDisposed = true;
        handle.Dispose();
        // If it cannot be deleted, its damage will be found again the next time it is opened.
        if (isDamaged)
            FileProblem.Try(() => File.Delete(path));
    }

    private bool TryRead(CachedImage image, Span<byte> pixels)
    {
        try
        {
            if (Disk.Read(handle, pixels, image.Offset) == pixels.Length && ImageCacheFile.Sum(pixels) == image.Sum)
                return true;
        }
        catch (Exception problem) when (FileProblem.IsOfFile(problem))
        {
            // Treated as damaged: the image file itself may still exist.
        }

        isDamaged = true;
        return false;
    }
}
