namespace CondEmbed.Datasets;

/// <summary>Images stored as files.</summary>
public sealed class FileDataset : ItemDataset, IImageDataset
{
    private readonly string[] files;

    /// <summary>Images with their files, number by number.</summary>
    /// <param name="name">A short name for reports.</param>
    /// <param name="items">The images.</param>
    /// <param name="files">The file of each image.</param>
    /// <exception cref="ArgumentException">The numbers of images and files differ.</exception>
    public FileDataset(string name, IReadOnlyList<ImageItem> items, IReadOnlyList<string> files)
        : base(name, items)
    {
        if (items.Count != files.Count)
        {
            throw new ArgumentException($"{items.Count} images but {files.Count} files", nameof(files));
        }

        this.files = [.. files];
    }

    /// <inheritdoc/>
    public IReadOnlyList<int>? RecallAt { get; init; }

    /// <inheritdoc/>
    public string Kind { get; init; } = "labelled images";

    /// <inheritdoc/>
    public string RoleSource { get; init; } = "as the data says";

    /// <inheritdoc/>
    public string? Subset { get; init; }

    /// <inheritdoc/>
    public bool IsPublished { get; init; }

    /// <inheritdoc/>
    public bool ClipsBoxes { get; init; }

    /// <summary>The columns of the table that lists the images, whether or not their labels were read; none for other data.</summary>
    internal IReadOnlyList<string> Columns { get; init; } = [];

    /// <summary>Files that were ignored during the search, one notice per line.</summary>
    public IReadOnlyList<string> PassedOver { get; init; } = [];

    /// <inheritdoc/>
    public IReadOnlyList<string> Notices => [.. PassedOver, .. ClassLabel.Alike(Items.Select(item => item.Label))];

    /// <inheritdoc/>
    public long LengthOf(int index) => FileProblem.OrElse(() => File.Exists(files[index]) ? FileLength.Of(files[index]) : 0, 0);

    /// <inheritdoc/>
    public string? StampOf(int index) => FileProblem.OrElse(() => File.Exists(files[index]) ? FileLength.StampOf(files[index]) : null, null);

    /// <inheritdoc/>
    public byte[] Read(int index) => ImageFile.Read(files[index], NameOf(index));
}
