namespace CondEmbed.Datasets;

/// <summary>Opens a data set by what the user wrote: a name, a folder or a table.</summary>
public static class ImageDatasets
{
    private sealed record Layout(string Description, Func<string, bool> Recognises, Func<string, IImageDataset> Open);

    // In this order; a layout that is only a special kind of folder goes before the plain folder.
    private static readonly Layout[] Layouts =
    [
        new("the word 'emoji' for the set that comes along", data => data == Embedded, _ => EmojiDataset.Open()),
        new("a .csv or .tsv table with the columns path,label", IsTable, TableDataset.Open),
        new("a folder with one folder for each class", Directory.Exists, FolderDataset.Open),
    ];

    /// <summary>The name of the set that comes along.</summary>
    public const string Embedded = "emoji";

    /// <summary>Opens the labelled images of <paramref name="data"/>; the emoji set when it is null.</summary>
    /// <param name="data"><c>emoji</c>, a folder, or a table.</param>
    /// <exception cref="InputException">It is none of these, or what is there is not well formed.</exception>
    public static IImageDataset Open(string? data)
    {
        var wanted = data ?? Embedded;
        foreach (var layout in Layouts)
        {
            if (layout.Recognises(wanted))
            {
                return layout.Open(wanted);
            }
        }

        var why = File.Exists(wanted) ? "is a file of another kind" : "is not there";
        throw new InputException($"{wanted}: {why}; data can be {string.Join("; ", Layouts.Select(layout => layout.Description))}");
    }

    /// <summary>
    /// Opens images to embed, with labels or without: as <see cref="Open"/>, and also a single image, or a folder with images in no
    /// class folder. An image without a class has an empty label.
    /// </summary>
    /// <param name="data">What the user wrote.</param>
    /// <exception cref="InputException">There is no image to be found.</exception>
    public static IImageDataset OpenImages(string data)
    {
        if (File.Exists(data) && ImageFiles.IsImage(data))
        {
            return new FileDataset(Path.GetFileNameWithoutExtension(data), [new ImageItem(data, "", Role.Unassigned)], [data]);
        }

        return Directory.Exists(data) && data != Embedded ? FolderDataset.OpenUnlabelled(data) : Open(data);
    }

    private static bool IsTable(string path) =>
        path.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".tsv", StringComparison.OrdinalIgnoreCase);
}
