namespace CondEmbed.Datasets;

/// <summary>A data set whose images are alike by other things than their class.</summary>
internal sealed class MatchedDataset(IImageDataset whole, IImagePairs? pairs, IReadOnlyList<LabelColumn> columns, string separator) : IImageDataset
{
    /// <summary>The images with their classes.</summary>
    internal IImageDataset Whole => whole;

    /// <summary>What stands between several labels in one field; empty where a field is one label.</summary>
    internal string Separator => separator;

    /// <inheritdoc/>
    public IImagePairs? Pairs => pairs;

    /// <inheritdoc/>
    public IReadOnlyList<LabelColumn> LabelColumns => columns;

    /// <inheritdoc/>
    public string Name => whole.Name;

    /// <inheritdoc/>
    public IReadOnlyList<ImageItem> Items => whole.Items;

    /// <inheritdoc/>
    public IReadOnlyList<int>? RecallAt => whole.RecallAt;

    /// <inheritdoc/>
    public string Kind => whole.Kind;

    /// <inheritdoc/>
    public string RoleSource => whole.RoleSource;

    /// <inheritdoc/>
    public string? Subset => whole.Subset;

    /// <inheritdoc/>
    public bool IsPublished => whole.IsPublished;

    /// <inheritdoc/>
    public IReadOnlyList<string> Notices => whole.Notices;

    /// <inheritdoc/>
    public bool ClipsBoxes => whole.ClipsBoxes;

    /// <inheritdoc/>
    public int Count => whole.Count;

    /// <inheritdoc/>
    public string NameOf(int index) => whole.NameOf(index);

    /// <inheritdoc/>
    public long LengthOf(int index) => whole.LengthOf(index);

    /// <inheritdoc/>
    public string? StampOf(int index) => whole.StampOf(index);

    /// <inheritdoc/>
    public byte[] Read(int index) => whole.Read(index);

    /// <summary>The data set with the pairs that the options ask for; itself if they ask for classes.</summary>
    /// <exception cref="InputException">The images have no such labels, or the file of pairs is not as it must be.</exception>
    internal static IImageDataset Of(IImageDataset dataset, DatasetOptions options)
    {
        var items = new LabelledItems(dataset.Name, dataset.Items, options.LabelSeparator);
        var columns = LabelPairs.Columns(items, options);
        var pairs = items.Pairs(options);
        return pairs is null && columns.Length == 0 ? dataset : new MatchedDataset(dataset, pairs, columns, options.LabelSeparator);
    }
}
