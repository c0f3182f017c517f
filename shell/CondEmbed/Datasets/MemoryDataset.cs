namespace CondEmbed.Datasets;

/// <summary>A data set from a sequence of images with labels, for everything that takes a data set: splits, batches, embedding, evaluation.</summary>
public sealed class MemoryDataset : ItemDataset, IImageDataset
{
    private readonly LabelledImage[] images;

    /// <summary>Reads the sequence to its end, once.</summary>
    /// <param name="name">A short name for reports.</param>
    /// <param name="images">The images, at least one.</param>
    /// <exception cref="InputException">There are no images, or one has no label.</exception>
    public MemoryDataset(string name, IEnumerable<LabelledImage> images)
        : this(name ?? throw new ArgumentNullException(nameof(name)), (LabelledImage[])[.. images ?? throw new ArgumentNullException(nameof(images))])
    {
    }

    private MemoryDataset(string name, LabelledImage[] images)
        : base(name, [.. images.Select((image, at) => new ImageItem(image.NameAt(at), image.Label, image.Role) { Category = image.Category, Labels = LabelsOf(image) })])
    {
        if (images.Length == 0)
            throw new InputException($"{name}: the sequence contains no images.");
        if (Array.FindIndex(images, image => image.Label.Length == 0) is >= 0 and var place)
            throw new InputException($"{name}: image {place} ({images[place].NameAt(place)}) has an empty label; name its class.");
        this.images = images;
    }

    /// <inheritdoc/>
    public string Kind => "a sequence of images";

    /// <inheritdoc/>
    public byte[] Read(int index) => [.. images[index].Read()];

    private static Dictionary<string, string> LabelsOf(LabelledImage image) =>
        image.Labels?.Where(label => label.Value.Length > 0).ToDictionary(label => label.Key, label => ClassLabel.Normal(label.Value), StringComparer.Ordinal) ?? [];
}
