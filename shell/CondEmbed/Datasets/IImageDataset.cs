using CondEmbed.Common;
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

    /// <summary>What kind of data set it is, for people.</summary>
    string Kind => "labelled images";

    /// <summary>Who says what the images are for, where they have roles; one line for people.</summary>
    string RoleSource => "as the data says";

    /// <summary>
    /// What is there of a published set that is not whole; null for any other. What is measured on a subset does not compare with what is
    /// published, so every result must say so.
    /// </summary>
    string? Subset => null;

    /// <summary>Whether it is a set that was published with its counts, so that it can be whole or not.</summary>
    bool IsPublished => false;

    /// <summary>What somebody should know before trusting the data, a line each: what was passed over, and labels that look alike.</summary>
    IReadOnlyList<string> Notices => ClassLabel.Alike(Items.Select(item => item.Label));

    /// <summary>The <see cref="Subset"/> once some images are left out: a published set without its bad pictures is not whole any more.</summary>
    string? SubsetWithout(int images) =>
        Subset ?? (images > 0 && IsPublished ? $"{Readable.Count(Count - images)} of {Readable.Count(Count)} images of {Kind} (the others cannot be used)" : null);

    /// <inheritdoc/>
    PixelBox? IImageSource.BoxOf(int index) => Items[index].Box;
}
