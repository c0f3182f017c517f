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

    /// <summary>
    /// Which images are alike: <c>label</c>, those of one class; by several <see cref="LabelColumns"/>, <c>any</c> (the same label in one of them), <c>all</c> (in every one in which both
    /// have a label) or <c>jaccard</c> (at least <see cref="LabelOverlap"/> of the labels of both in common; unlike with none in common, and not compared in between); or the name of one column.
    /// <c>none</c>: labels say nothing, and only the <see cref="Pairs"/> count.
    /// </summary>
    public string LabelMatch { get; init; } = LabelPairs.Class;

    /// <summary>The columns of labels that <see cref="LabelMatch"/> compares, and by each of which the images are measured too: those of a table, <c>label</c>, or <c>category</c>.</summary>
    public IReadOnlyList<string> LabelColumns { get; init; } = [];

    /// <summary>For <c>jaccard</c>, the least share of the labels of two images that they have in common, above 0 and up to 1.</summary>
    public double LabelOverlap { get; init; } = 0.5;

    /// <summary>What stands between several labels in one field of <see cref="LabelColumns"/>, such as <c>;</c>; empty where a field is one label. Two images then have a label in common in a column where any of theirs is the same.</summary>
    public string LabelSeparator { get; init; } = "";

    /// <summary>For <c>jaccard</c>, whether alike pairs weigh as much as the share of labels in common, in training with a loss that takes weights.</summary>
    public bool LabelWeights { get; init; }

    /// <summary>
    /// A table <c>path_a,path_b,similar</c> of pairs of images, by their paths in the data, that are alike (1) or not (0), or weigh less by a number between -1 and 1, whatever
    /// <see cref="LabelMatch"/> says of them; empty for none.
    /// </summary>
    public string Pairs { get; init; } = "";

    /// <summary>Trust a published set's lists without checking that the images exist, in order to count them.</summary>
    public bool ListsOnly { get; init; }
}
