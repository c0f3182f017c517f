namespace CondEmbed.Datasets;

/// <summary>How a data set is opened.</summary>
public sealed record DatasetOptions
{
    /// <summary>The layout, one of <see cref="ImageDatasets.LayoutNames"/>; <c>auto</c> recognises it from the files.</summary>
    public string Layout { get; init; } = ImageDatasets.Auto;

    /// <summary>
    /// Accept a published set with missing files. The set then has a <see cref="IImageDataset.Subset"/>, and every
    /// number measured on it must say so.
    /// </summary>
    public bool AllowSubset { get; init; }

    /// <summary>
    /// Crop images to the boxes of a published set that has them. By default the whole image is used, as the literature on
    /// metric learning does. The boxes of a table always apply.
    /// </summary>
    public bool Boxes { get; init; }

    /// <summary>Trust a published set's lists without checking that the images exist, in order to count them.</summary>
    public bool ListsOnly { get; init; }
}
