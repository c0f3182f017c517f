namespace CondEmbed.Datasets;

/// <summary>Some images of a data set, in the order given; or all of them, alike by other things than their class.</summary>
/// <param name="whole">The data set.</param>
/// <param name="images">Numbers of its images.</param>
public sealed class DatasetPart(IImageDataset whole, IReadOnlyList<int> images) : ItemDataset(whole.Name, [.. images.Select(image => whole.Items[image])]), IImageDataset
{
    /// <inheritdoc/>
    public IReadOnlyList<int>? RecallAt => whole.RecallAt;

    /// <inheritdoc/>
    public string Kind => whole.Kind;

    /// <inheritdoc/>
    public string RoleSource => whole.RoleSource;

    /// <inheritdoc/>
    public IReadOnlyList<string> Notices => whole.Notices;

    /// <inheritdoc/>
    public string? Subset => whole.SubsetWithout(whole.Count - images.Count);

    /// <inheritdoc/>
    public IImagePairs? Pairs { get; private init; } = whole.Pairs is null ? null : new PartOfPairs(whole.Pairs, images);

    /// <inheritdoc/>
    public IReadOnlyList<LabelColumn> LabelColumns { get; private init; } = [.. whole.LabelColumns.Select(column => column with { Pairs = new PartOfPairs(column.Pairs, images) })];

    /// <inheritdoc/>
    public bool IsPublished => whole.IsPublished;

    /// <inheritdoc/>
    public bool ClipsBoxes => whole.ClipsBoxes;

    /// <inheritdoc/>
    public override string NameOf(int index) => whole.NameOf(images[index]);

    /// <inheritdoc/>
    public long LengthOf(int index) => whole.LengthOf(images[index]);

    /// <inheritdoc/>
    public string? StampOf(int index) => whole.StampOf(images[index]);

    /// <inheritdoc/>
    public byte[] Read(int index) => whole.Read(images[index]);

    /// <summary>The data set that this one is of.</summary>
    internal IImageDataset Whole => whole;

    /// <summary>What stands between several labels in one field; empty where a field is one label.</summary>
    internal string Separator { get; private init; } = (whole as DatasetPart)?.Separator ?? "";

    /// <summary>The data set with the pairs that the options ask for; itself if they ask for classes.</summary>
    /// <exception cref="InputException">The images have no such labels, or the file of pairs is not as it must be.</exception>
    internal static IImageDataset Matched(IImageDataset dataset, DatasetOptions options)
    {
        var items = new LabelledItems(dataset.Name, dataset.Items, options.LabelSeparator);
        var columns = LabelPairs.Columns(items, options);
        var pairs = items.Pairs(options);
        return pairs is null && columns.Length == 0 ? dataset
            : new DatasetPart(dataset, [.. Enumerable.Range(0, dataset.Count)]) { Pairs = pairs, LabelColumns = columns, Separator = options.LabelSeparator };
    }

    /// <summary>Decodes every image of a data set, and leaves out those that cannot be used.</summary>
    /// <param name="dataset">The data set.</param>
    /// <param name="workers">Threads; 0 for one per core.</param>
    /// <param name="notice">Called with each image that is left out.</param>
    /// <param name="progress">Called with the number of images done, from any thread.</param>
    /// <param name="cancellationToken">Ends the check with an OperationCanceledException.</param>
    /// <exception cref="InputException">No image can be used.</exception>
    public static IImageDataset WithoutBad(
        IImageDataset dataset, int workers = 0, Action<string>? notice = null, IProgress<RunProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        var check = ImageCheck.Run(new ImageReader(dataset), null, workers, progress, cancellationToken);
        foreach (var image in check.Bad)
        {
            notice?.Invoke($"left out: {image.Name}: {image.Reason}");
        }

        var good = check.Good(Enumerable.Range(0, dataset.Count));
        return good.Count == 0 ? throw new InputException($"{dataset.Name}: none of the {dataset.Count} images can be used")
            : good.Count == dataset.Count ? dataset
            : new DatasetPart(dataset, good);
    }
}
