using Microsoft.FSharp.Core;

namespace CondEmbed.Datasets;

/// <summary>A data set from a sequence of images with labels, for everything that takes a data set: splits, batches, embedding, evaluation.</summary>
[StructuredFormatDisplay("{Line}")]
public sealed class MemoryDataset : IImageDataset
{
    private readonly LabelledImage[] images;

    /// <summary>Reads the sequence to its end, once.</summary>
    /// <param name="name">A short name for reports.</param>
    /// <param name="images">The images, at least one.</param>
    /// <exception cref="InputException">There are no images, or one has no label.</exception>
    public MemoryDataset(string name, IEnumerable<LabelledImage> images)
    {
        Name = name ?? throw new ArgumentNullException(nameof(name));
        this.images = [.. images ?? throw new ArgumentNullException(nameof(images))];
        if (this.images.Length == 0)
            throw new InputException($"{name}: the sequence contains no images.");
        if (Array.FindIndex(this.images, image => image.Label.Length == 0) is >= 0 and var place)
            throw new InputException($"{name}: image {place} ({this.images[place].NameAt(place)}) has an empty label; name its class.");
        Items = [.. this.images.Select((image, at) => new ImageItem(image.NameAt(at), image.Label, image.Role) { Category = image.Category, Labels = LabelsOf(image) })];
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Kind => "a sequence of images";

    /// <inheritdoc/>
    public IReadOnlyList<ImageItem> Items { get; }

    /// <inheritdoc/>
    public int Count => images.Length;

    /// <inheritdoc/>
    public string NameOf(int index) => Items[index].Path;

    /// <summary>What F# Interactive prints.</summary>
    internal string Line => ToString();

    /// <inheritdoc cref="ImageDatasets.Line"/>
    public override string ToString() => ImageDatasets.Line(this);

    /// <inheritdoc/>
    public byte[] Read(int index) => [.. images[index].Read()];

    private static Dictionary<string, string> LabelsOf(LabelledImage image) =>
        image.Labels?.Where(label => label.Value.Length > 0).ToDictionary(label => label.Key, label => ClassLabel.Normal(label.Value), StringComparer.Ordinal) ?? [];
}
