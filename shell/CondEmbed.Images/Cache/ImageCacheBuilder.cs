using System.Security.Cryptography;
using System.Text;

namespace CondEmbed.Images;

/// <summary>Finds the file of a cache, or creates it.</summary>
internal sealed class ImageCacheBuilder(
    ImageReader reader, IReadOnlyList<int> items, ImageCacheOptions options, int workers, IProgress<RunProgress>? progress, CancellationToken cancellationToken)
{
    /// <summary>The cache with all usable images.</summary>
    internal ImageCache Open()
    {
        var key = ImageCacheFile.KeyOf(options, Contents());
        var path = ImageCacheFile.PathOf(options, key);
        return TryOpen(ReasonsOf) ?? Built();

        ImageCache? TryOpen(Func<IReadOnlyList<int>, ImageCheck> check) => ImageCache.TryOpen(path, key, items, options, reader, check);

        ImageCache Built()
        {
            var check = Build(path, key);
            return TryOpen(_ => check) ?? throw new InputException($"{path}: this image cache changed while it was being read. Give another folder.");
        }
    }

    /// <summary>What is wrong with the images that were left out.</summary>
    private ImageCheck ReasonsOf(IReadOnlyList<int> missing) =>
        new(items.Count, missing.Count == 0 ? [] : ImageCheck.Run(reader, missing, workers, null, cancellationToken).Bad);

    /// <summary>A hash of each image's file and of its box.</summary>
    private byte[][] Contents()
    {
        var contents = new byte[items.Count][];
        _ = ImageCheck.Each(ImageCheck.Phase, items, place =>
        {
            var box = Encoding.UTF8.GetBytes($"{reader.Source.BoxOf(items[place])}{reader.Background?.ToHex()}\n");
            try
            {
                contents[place] = [.. SHA256.HashData(reader.Source.Read(items[place])), .. box];
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or InvalidDataException or BadImageException)
            {
                // It is among the bad images; decoding it says what is wrong.
                contents[place] = box;
            }
        }, workers, progress, cancellationToken);
        return contents;
    }

    private ImageCheck Build(string path, byte[] key)
    {
        ImageCheck? check = null;
        try
        {
            AtomicFile.MakeFolder(options.Folder);
            AtomicFile.Write(path, stream => check = Write((FileStream)stream, key));
        }
        catch (InputException problem)
        {
            // If another process has created the same file meanwhile and has it open, that file is just as good.
            if (check is null || !File.Exists(path))
                throw new InputException($"{problem.Message} Give another folder for the image cache, or leave it out.");
        }

        return check!;
    }

    private ImageCheck Write(FileStream stream, byte[] key)
    {
        var images = new CachedImage[items.Count];
        var end = ImageCacheFile.PixelsFrom(items.Count);
        var check = ImageCheck.Each(ImageCheck.Phase, items, place =>
        {
            var image = options.Shrunk(reader.Decode(items[place], null));
            var length = image.Width * image.Height * 3;
            var offset = Interlocked.Add(ref end, length) - length;
            RandomAccess.Write(stream.SafeFileHandle, image.Pixels.AsSpan(0, length), offset);
            images[place] = new CachedImage(offset, image.Width, image.Height, ImageCacheFile.Sum(image.Pixels.AsSpan(0, length)));
        }, workers, progress, cancellationToken);
        ImageCacheFile.WriteStart(stream, key, images, end);
        return check;
    }
}
