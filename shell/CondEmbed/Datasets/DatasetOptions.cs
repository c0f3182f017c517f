namespace CondEmbed.Datasets;

/// <summary>How a data set is opened.</summary>
public sealed record DatasetOptions
{
    /// <summary>What it is, by a name of <see cref="ImageDatasets.LayoutNames"/>; <c>auto</c> recognises it by what lies there.</summary>
    public string Layout { get; init; } = ImageDatasets.Auto;

    /// <summary>
    /// Go on with a published set of which something is missing. The set then has a <see cref="IImageDataset.Subset"/>, and every
    /// number measured on it must say so.
    /// </summary>
    public bool AllowSubset { get; init; }

    /// <summary>
    /// Cut pictures to the boxes of a published set that comes with some. By default the whole picture is used, as the literature of
    /// metric learning does. The boxes of a table always hold.
    /// </summary>
    public bool Boxes { get; init; }

    /// <summary>Take a published set's lists at their word, without looking whether the pictures are there: to count them.</summary>
    public bool ListsOnly { get; init; }
}
