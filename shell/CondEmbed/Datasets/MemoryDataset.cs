using CondEmbed.Common;

namespace CondEmbed.Datasets;

/// <summary>A data set from a sequence of images with labels, for everything that takes a data set: splits, batches, embedding, evaluation.</summary>
public sealed class MemoryDataset : IImageDataset
{
    private readonly LabelledPicture[] pictures;

    /// <summary>Reads the sequence to its end, once.</summary>
    /// <param name="name">A short name for reports.</param>
    /// <param name="pictures">The images, at least one.</param>
    /// <exception cref="InputException">There are no images, or one has no label.</exception>
    public MemoryDataset(string name, IEnumerable<LabelledPicture> pictures)
    {
        Name = name ?? throw new ArgumentNullException(nameof(name));
        this.pictures = [.. pictures ?? throw new ArgumentNullException(nameof(pictures))];
        if (this.pictures.Length == 0)
            throw new InputException($"{name}: the sequence contains no images.");
        if (Array.FindIndex(this.pictures, picture => picture.Label.Length == 0) is >= 0 and var place)
            throw new InputException($"{name}: image {place} ({this.pictures[place].NameAt(place)}) has an empty label; name its class.");
        Items = [.. this.pictures.Select((picture, at) => new ImageItem(picture.NameAt(at), picture.Label, picture.Role) { Category = picture.Category })];
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Kind => "a sequence of images";

    /// <inheritdoc/>
    public IReadOnlyList<ImageItem> Items { get; }

    /// <inheritdoc/>
    public int Count => pictures.Length;

    /// <inheritdoc/>
    public string NameOf(int index) => Items[index].Path;

    /// <inheritdoc/>
    public byte[] Read(int index) => [.. pictures[index].Read()];
}
