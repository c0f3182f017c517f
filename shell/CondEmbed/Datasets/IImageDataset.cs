using CondEmbed.Images;

namespace CondEmbed.Datasets;

/// <summary>Labelled images, in an order that is the same on every machine.</summary>
public interface IImageDataset : IImageSource
{
    /// <summary>A short name for reports.</summary>
    string Name { get; }

    /// <summary>Every image with its label and role; item i is picture i of the source.</summary>
    IReadOnlyList<ImageItem> Items { get; }

    /// <summary>The K at which results on this data are usually given; null for no custom of its own.</summary>
    IReadOnlyList<int>? RecallAt => null;

    /// <inheritdoc/>
    PixelBox? IImageSource.BoxOf(int index) => Items[index].Box;
}
