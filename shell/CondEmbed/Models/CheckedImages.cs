using CondEmbed.Datasets;
using CondEmbed.Search;

namespace CondEmbed.Models;

/// <summary>
/// What an earlier run found by reading and decoding every image: which ones cannot be used, and the content of the others. It is remembered in a file beside the kept maps, which is named after the
/// stamps of all images and how they are decoded: as soon as one image is another, or the program is, they are all read again.
/// </summary>
internal sealed class CheckedImages
{
    private readonly IImageSource images;
    private readonly IReadOnlyList<int> items;
    private readonly string? path;
    private readonly Found? found;

    private CheckedImages(IImageSource images, IReadOnlyList<int> items, string? path)
    {
        (this.images, this.items, this.path) = (images, items, path);
        found = path is not null && JsonFile.TryRead<Found>(path) is { } read && read.Bad.All(image => items.Contains(image.Index)) ? read : null;
    }

    /// <summary>What the earlier check found; null if the images have to be checked.</summary>
    internal ImageCheck? Check => found is null ? null : new ImageCheck(items.Count, found.Bad);

    /// <summary>What is remembered in a folder of some images.</summary>
    internal static CheckedImages In(string folder, IImageSource images, IReadOnlyList<int> items, SkiaDecoder decoder)
    {
        var stamps = new string?[items.Count];
        ParallelWork.Each(items.Count, place => stamps[place] = images.StampOf(items[place]));

        if (stamps.Contains(null))
        {
            return new CheckedImages(images, items, null);
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{EmbeddedFile.Program}\n{decoder}\n{images.ClipsBoxes}\n"));

        foreach (var (item, stamp) in items.Zip(stamps))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{item}\t{images.NameOf(item)}\t{stamp}\t{images.BoxOf(item)}\n"));
        }

        return new CheckedImages(images, items, Path.Combine(folder, $"{Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16))}.images"));
    }

    /// <summary>The content of some of the images, each as its <see cref="ImageId"/>: remembered, or else read, and then remembered with the bad ones.</summary>
    /// <exception cref="DiskException">The disk is full or failing.</exception>
    internal IReadOnlyList<string> Ids(IReadOnlyList<int> some, IReadOnlyList<BadImage> bad, CancellationToken cancellationToken)
    {
        if (found is not null && some.All(found.Ids.ContainsKey))
        {
            return [.. some.Select(item => found.Ids[item])];
        }

        var ids = new string[some.Count];
        ParallelWork.Each(some.Count, place => ids[place] = ImageId.Of(images.Read(some[place]), images.BoxOf(some[place])), cancellationToken: cancellationToken);

        if (path is not null)
        {
            AtomicFile.MakeFolder(Path.GetDirectoryName(path)!);
            AtomicFile.WriteText(path, JsonSerializer.Serialize(new Found(bad, some.Zip(ids).ToDictionary()), JsonStyle.Indented));
        }

        return ids;
    }

    /// <summary>What the file holds.</summary>
    private sealed record Found(IReadOnlyList<BadImage> Bad, IReadOnlyDictionary<int, string> Ids);
}
