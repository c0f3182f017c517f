using System.IO.Compression;

namespace CondEmbed.Datasets;

/// <summary>
/// The set that ships with the library: 462 emoji as drawn by six makers, <c>CLASS/MAKER.png</c>, half of the classes held out for
/// test (<see cref="EmojiSplit"/>). Its licences are in <c>LICENSES.md</c> inside the archive (<see cref="Licences"/>).
/// </summary>
public sealed class EmojiDataset : ItemDataset, IImageDataset
{
    private const string Archive = "CondEmbed.Datasets.emoji.zip";

    private readonly byte[][] images;

    private EmojiDataset(IReadOnlyList<ImageItem> items, byte[][] images, string licences)
        : base(ImageDatasets.Embedded, items)
    {
        this.images = images;
        Licences = licences;
    }

    /// <inheritdoc/>
    public string Kind => "the bundled emoji";

    /// <summary>Who drew the images, and under which licences they may be used.</summary>
    public string Licences { get; }

    /// <inheritdoc/>
    public long LengthOf(int index) => images[index].Length;

    /// <inheritdoc/>
    public string? StampOf(int index) => EmbeddedFile.Program;

    /// <inheritdoc/>
    public byte[] Read(int index) => [.. images[index]];

    /// <summary>Reads the whole set (6 MB) into memory, since an archive cannot be read from several threads at once.</summary>
    public static EmojiDataset Open()
    {
        using var stream = EmbeddedFile.Open(Archive);
        using var archive = new ZipArchive(stream, ZipArchiveMode.Read);
        var entries = archive.Entries.Where(entry => ImageFiles.IsImage(entry.FullName))
            .OrderBy(entry => entry.FullName, StringComparer.Ordinal)
            .ToList();
        var roles = EmojiSplit.Read();
        var items = entries.Select(entry => Item(entry.FullName, roles)).ToList();
        var licences = archive.GetEntry("LICENSES.md") is { } text ? System.Text.Encoding.UTF8.GetString(Bytes(text)) : "";
        return new EmojiDataset(items, [.. entries.Select(Bytes)], licences);
    }

    private static ImageItem Item(string path, IReadOnlyDictionary<string, Role> roles)
    {
        var label = path[..path.IndexOf('/', StringComparison.Ordinal)];
        return new ImageItem(path, label, roles[label]);
    }

    private static byte[] Bytes(ZipArchiveEntry entry)
    {
        var bytes = new byte[entry.Length];
        using var content = entry.Open();
        content.ReadExactly(bytes);
        return bytes;
    }
}
