using System.Buffers;
using System.IO.MemoryMappedFiles;

namespace CondEmbed.Images;

/// <summary>
/// Decoded pictures in a file that is in the address space of the process: the system keeps in memory what there is room for, and shares it between processes.
/// Each picture is checked when it is first used; one that is damaged is made anew from its own file, and the cache with it at the next opening.
/// </summary>
public sealed unsafe class PictureCache : IDisposable
{
    private readonly string path;
    private readonly PictureCacheOptions options;
    private readonly CachedPicture[] pictures;
    private readonly bool[] isSound;
    private readonly Dictionary<int, int> places = [];
    private readonly MemoryMappedViewAccessor view;
    private readonly byte* start;
    private bool isDamaged;
    private bool isDisposed;

    private PictureCache(
        string path, PictureCacheOptions options, PictureReader reader, IReadOnlyList<int> items, PictureCheck check, CachedPicture[] pictures,
        MemoryMappedViewAccessor view)
    {
        (Reader, Check) = (reader.With(this), check);
        (this.path, this.options, this.pictures, this.view) = (path, options, pictures, view);
        isSound = new bool[pictures.Length];
        for (var place = 0; place < items.Count; place++)
            places[items[place]] = place;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
    }

    /// <summary>Reads the pictures, and takes views of them out of the cache where they are the same or serve training. It must not outlive the cache.</summary>
    public PictureReader Reader { get; }

    /// <summary>Which pictures cannot be used, and so are not in the cache.</summary>
    public PictureCheck Check { get; }

    /// <summary>Finds the file that holds these pictures in this size, or makes it, which decodes all of them.</summary>
    /// <param name="reader">Where the pictures come from.</param>
    /// <param name="options">The folder, the size and the interpolation.</param>
    /// <param name="items">Which pictures; null is all of the source.</param>
    /// <param name="workers">Threads; 0 is one a core.</param>
    /// <param name="progress">Told about 200 times of each of both, from any thread: reading all files, and decoding them where that has to be.</param>
    /// <param name="cancellation">Ends the work with an OperationCanceledException.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static PictureCache Open(
        PictureReader reader, PictureCacheOptions options, IReadOnlyList<int>? items = null, int workers = 0, IProgress<CheckProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(options);
        return new PictureCacheBuilder(reader, items ?? [.. Enumerable.Range(0, reader.Source.Count)], options, workers, progress, cancellation).Open();
    }

    /// <summary>Opens the file; null where it is not there, or not whole.</summary>
    /// <param name="path">The file.</param>
    /// <param name="key">What its header must say.</param>
    /// <param name="items">The pictures in it.</param>
    /// <param name="options">How they are kept.</param>
    /// <param name="reader">Reads the pictures themselves.</param>
    /// <param name="check">Which of them cannot be used: told of those that were left out when the file was made.</param>
    internal static PictureCache? TryOpen(
        string path, byte[] key, IReadOnlyList<int> items, PictureCacheOptions options, PictureReader reader, Func<IReadOnlyList<int>, PictureCheck> check)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1);
            if (PictureCacheFile.ReadStart(stream, key, items.Count) is not { } pictures)
                return null;
            using var file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            var found = check([.. items.Where((_, place) => pictures[place].Width == 0)]);
            return new PictureCache(path, options, reader, items, found, pictures, file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Makes a view of a picture; false where that is left to whoever has the picture itself.</summary>
    /// <param name="reader">Decodes a picture that is damaged here.</param>
    /// <param name="index">Which picture.</param>
    /// <param name="transform">Makes the view.</param>
    /// <param name="random">The picture's own stream.</param>
    /// <param name="destination">OutputSize x OutputSize x 3 bytes.</param>
    internal bool TryView(PictureReader reader, int index, IImageTransform transform, ref SeededRandom random, Span<byte> destination)
    {
        if (!places.TryGetValue(index, out var place) || pictures[place] is not { Width: > 0 } picture)
            return false;
        if (!options.Serves(transform, picture.Width, picture.Height))
            return false;
        if (!IsSound(place))
        {
            transform.Apply(options.Shrunk(reader.Decode(index, null)), ref random, destination);
            return true;
        }

        var pixels = new ReadOnlySpan<byte>(start + picture.Offset, picture.Length);
        if (transform is TrainTransform train && train.TryApply(new PixelView(pixels, picture.Width, picture.Height, picture.Width * 3), ref random, destination))
            return true;
        var box = transform is IPartTransform part ? part.Part(picture.Width, picture.Height, random) : PixelBox.Whole(picture.Width, picture.Height);
        var lent = ArrayPool<byte>.Shared.Rent(picture.Length);
        try
        {
            var (from, length) = (box.Top * picture.Width * 3, box.Height * picture.Width * 3);
            pixels.Slice(from, length).CopyTo(lent.AsSpan(from));
            transform.Apply(RgbImage.Over(picture.Width, picture.Height, lent), ref random, destination);
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(lent);
        }
    }

    /// <summary>Lets the file go, and deletes it where it is damaged.</summary>
    public void Dispose()
    {
        if (isDisposed)
            return;
        isDisposed = true;
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
        if (isDamaged)
            File.Delete(path);
    }

    private bool IsSound(int place)
    {
        if (isSound[place])
            return true;
        var (offset, width, height, sum) = pictures[place];
        isSound[place] = PictureCacheFile.Sum(new ReadOnlySpan<byte>(start + offset, width * height * 3)) == sum;
        isDamaged |= !isSound[place];
        return isSound[place];
    }
}
