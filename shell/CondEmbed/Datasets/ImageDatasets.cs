namespace CondEmbed.Datasets;

/// <summary>Opens a data set by what the user wrote: a name, a folder or a table.</summary>
public static class ImageDatasets
{
    /// <summary>A way in which data is laid out in a folder.</summary>
    private sealed record Layout(
        string Name, string Description, Func<string, bool> Recognises, Func<string, DatasetOptions, IImageDataset> Open);

    /// <summary>A set that is bundled with the library.</summary>
    private sealed record EmbeddedSet(string Name, Func<IImageDataset> Open);

    private static readonly EmbeddedSet[] ComingAlong =
    [
        new(Embedded, EmojiDataset.Open),
        new(EmojiScenesDataset.Scenes, EmojiScenesDataset.Open),
        new(EmojiScenesDataset.Singles, EmojiScenesDataset.OpenSingles),
    ];

    // The benchmark sets, recognised by their lists in the given folder or in one folder inside it.
    private static readonly Layout[] Published =
    [
        new("cub", "CUB-200-2011 (images.txt, image_class_labels.txt, images/)", CubDataset.Recognises, CubDataset.Open),
        new("cars", "CARS196 (cars_annos.mat; devkit/; images/CLASS/; or anno_train.csv, anno_test.csv, names.csv)", CarsDataset.Recognises, CarsDataset.Open),
        new("sop", "Stanford Online Products (Ebay_train.txt, Ebay_test.txt)", StanfordProductsDataset.Recognises, StanfordProductsDataset.Open),
        new("in-shop", "In-Shop Clothes Retrieval (Eval/list_eval_partition.txt)", InShopDataset.Recognises, InShopDataset.Open),
    ];

    /// <summary>The name of the bundled set, which is the default.</summary>
    public const string Embedded = "emoji";

    /// <summary>The names of all bundled sets: the emoji, and the sets made from them.</summary>
    public static IReadOnlyList<string> EmbeddedNames { get; } = [.. ComingAlong.Select(set => set.Name)];

    /// <summary>The layout name for automatic recognition.</summary>
    public const string Auto = "auto";

    private const string Folder = "folder";
    private const string Table = "table";

    /// <summary>The names of the available layouts.</summary>
    public static IReadOnlyList<string> LayoutNames { get; } = [Auto, Folder, .. Published.Select(layout => layout.Name), Table];

    /// <summary>Opens the labelled images of <paramref name="data"/>; the emoji set when it is null.</summary>
    /// <param name="data">One of <see cref="EmbeddedNames"/>, a folder, or a table.</param>
    /// <param name="options">How to open it; by default the layout is recognised, and a published set must be complete.</param>
    /// <exception cref="InputException">It has another layout, or the data is malformed or incomplete.</exception>
    public static IImageDataset Open(string? data, DatasetOptions? options = null)
    {
        var wanted = data ?? Embedded;
        options ??= new DatasetOptions();
        return DatasetPart.Matched(
            options.Layout switch
            {
                Auto => Recognised(wanted, options),
                Folder => FolderDataset.Open(wanted),
                Table => TableDataset.Open(wanted, Columns(options)),
                var name => Named(wanted, Published.FirstOrDefault(layout => layout.Name == name)
                    ?? throw new InputException($"layout '{name}' is not one of {string.Join(", ", LayoutNames)}"), options),
            },
            options);
    }

    /// <summary>A data set with the pairs that the options ask for; itself if they ask for its classes.</summary>
    /// <param name="dataset">The images with their labels.</param>
    /// <param name="options">Which images are alike.</param>
    /// <exception cref="InputException">The images have no such labels.</exception>
    public static IImageDataset Matched(IImageDataset dataset, DatasetOptions options)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(options);
        return DatasetPart.Matched(dataset, options);
    }

    /// <summary>
    /// Opens images to embed, with or without labels: like <see cref="Open"/>, but also a single image, or a folder with images outside any
    /// class folder. An image without a class has an empty label.
    /// </summary>
    /// <param name="data">What the user wrote.</param>
    /// <param name="options">How to open it; by default the layout is recognised, and a published set must be complete.</param>
    /// <exception cref="InputException">No image was found.</exception>
    public static IImageDataset OpenImages(string data, DatasetOptions? options = null)
    {
        options ??= new DatasetOptions();
        if (IsImage(data))
        {
            return new FileDataset(Path.GetFileNameWithoutExtension(data), [new ImageItem(data, "", Role.Unassigned)], [data]);
        }

        var isPlainFolder = options.Layout == Folder || (options.Layout == Auto && !IsEmbedded(data) && Directory.Exists(data) && Find(data) is null);
        return isPlainFolder ? FolderDataset.OpenUnlabelled(data) : Open(data, options);
    }

    /// <summary>Whether this names a single file to be read as an image, whatever its ending: its content decides.</summary>
    public static bool IsImage(string data) => File.Exists(data) && !IsTable(data);

    /// <summary>Whether this is the name of a bundled set.</summary>
    public static bool IsEmbedded(string data) => EmbeddedNames.Contains(data);

    /// <summary>A notice for users who allowed a subset of data that is not a published set; null if the setting has an effect.</summary>
    public static string? SubsetNotice(IImageDataset dataset)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        return dataset.IsPublished ? null : $"{dataset.Name} is not a published data set ({dataset.Kind}): {Wording.Of("AllowSubset", "--allow-subset")} has no effect here";
    }

    private static IImageDataset Recognised(string data, DatasetOptions options)
    {
        if (ComingAlong.FirstOrDefault(set => set.Name == data) is { } embedded)
        {
            return embedded.Open();
        }

        if (IsTable(data))
        {
            return TableDataset.Open(data, Columns(options));
        }

        if (Directory.Exists(data))
        {
            return Find(data) is var (layout, root) ? layout.Open(root, options) : FolderDataset.Open(data);
        }

        if (!File.Exists(data))
        {
            var bundled = string.Join(", ", EmbeddedNames.Select(name => $"'{name}'"));
            throw new InputException($"{data}: does not exist, and is not one of the bundled sets ({bundled}){CoreSettings.Nearest(EmbeddedNames, data)}");
        }

        throw new InputException($"{data}: is a file of another kind; data is a folder with one folder for each class, a published set's folder, or a .csv or .tsv table with the columns path,label");
    }

    /// <summary>The labels of every image in a column: further labels, <c>label</c> or <c>category</c>. None for an image without one there.</summary>
    /// <param name="dataset">The images.</param>
    /// <param name="column">The name of the column.</param>
    /// <exception cref="InputException">No image has a label there, or the table's column was not read.</exception>
    public static IReadOnlyList<IReadOnlyList<string>> LabelsIn(IImageDataset dataset, string column)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        var part = dataset as DatasetPart;
        var table = (part?.Whole ?? dataset) as FileDataset;
        if (table?.Columns.FirstOrDefault(name => name.Equals(column, StringComparison.OrdinalIgnoreCase)) is { } there
            && column is not (LabelPairs.Class or LabelledItems.CategoryColumn)
            && table.Items.All(item => !item.Labels.ContainsKey(column)))
        {
            throw new InputException($"{dataset.Name}: the table has a column '{there}', but only the columns of labels that are named are read: {Wording.Of($"LabelColumns = [\"{there}\"]", $"--label-columns {there}")}");
        }

        return new LabelledItems(dataset.Name, dataset.Items, part?.Separator ?? "").Column(column);
    }

    /// <summary>The columns of labels that a table must have.</summary>
    internal static string[] Columns(DatasetOptions options) =>
        options.LabelMatch is LabelPairs.Class or LabelPairs.None || LabelPairs.ComparesSeveral(options.LabelMatch) ? [.. options.LabelColumns.Distinct()] : [.. options.LabelColumns.Prepend(options.LabelMatch).Distinct()];

    private static IImageDataset Named(string data, Layout layout, DatasetOptions options) =>
        Roots(data, layout) switch
        {
            [] => throw new InputException($"{data}: is not {layout.Description}: its characteristic files are neither in that folder nor in one directly inside it"),
            [var root] => layout.Open(root, options),
            var roots => throw Several(data, roots),
        };

    private static (Layout Layout, string Root)? Find(string data)
    {
        var found = Published.SelectMany(layout => Roots(data, layout).Select(root => (Layout: layout, Root: root))).ToList();
        return found switch
        {
            [] => null,
            [var one] => one,
            _ when found.Where(set => set.Root == data).ToList() is [var itself] => itself,
            _ => throw Several(data, found.Select(set => set.Root)),
        };
    }

    /// <summary>The folder itself if it has the layout, else the folders directly inside that do.</summary>
    private static List<string> Roots(string data, Layout layout) =>
        !Directory.Exists(data) ? []
        : layout.Recognises(data) ? [data]
        : [.. ImageFiles.FoldersOf(data).Select(name => Path.Combine(data, name)).Where(layout.Recognises)];

    private static InputException Several(string data, IEnumerable<string> roots) =>
        new($"{data}: contains several data sets: {string.Join(", ", roots)}; name one of them, or the layout");

    private static bool IsTable(string path) =>
        path.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".tsv", StringComparison.OrdinalIgnoreCase);
}
