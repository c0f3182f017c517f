namespace CondEmbed.Datasets;

/// <summary>Labelled images, in an order that is the same on every machine.</summary>
public interface IImageDataset : IImageSource
{
    /// <summary>A short name for reports.</summary>
    string Name { get; }

    /// <summary>Every image with its label and role; item i is image i of the source.</summary>
    IReadOnlyList<ImageItem> Items { get; }

    /// <summary>The K at which results on this data are usually reported; null if there is no convention.</summary>
    IReadOnlyList<int>? RecallAt => null;

    /// <summary>What kind of data set it is.</summary>
    string Kind => "labelled images";

    /// <summary>Where the roles of the images come from, if they have any; in one line.</summary>
    string RoleSource => "as the data says";

    /// <summary>
    /// What is present of an incomplete published set; null for any other data. Results on a subset are not comparable with
    /// published ones, so every result must say so.
    /// </summary>
    string? Subset => null;

    /// <summary>Whether it is a set published with counts, so that completeness can be checked.</summary>
    bool IsPublished => false;

    /// <summary>Which images are alike, if that is not those of one class.</summary>
    IImagePairs? Pairs => null;

    /// <summary>Further labels by which the images are measured too, each by itself.</summary>
    IReadOnlyList<LabelColumn> LabelColumns => [];

    /// <summary>What users should know before trusting the data, one per line: files that were ignored, and labels that look alike.</summary>
    IReadOnlyList<string> Notices => ClassLabel.Alike(Items.Select(item => item.Label));

    /// <summary>The <see cref="Subset"/> once some images are left out: a published set without its bad images is no longer complete.</summary>
    string? SubsetWithout(int images) =>
        Subset ?? (images > 0 && IsPublished ? $"{Readable.Count(Count - images)} of {Readable.Count(Count)} images of {Kind} (the others cannot be used)" : null);

    /// <inheritdoc/>
    PixelBox? IImageSource.BoxOf(int index) => Items[index].Box;
}
