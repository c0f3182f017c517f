namespace CondEmbed.Datasets;

/// <summary>Which files of a folder are images, in one order everywhere.</summary>
public static class ImageFiles
{
    // Nobody nests images this deep; a chain of links that leads back to itself would.
    private const int DeepestFolder = 32;

    /// <summary>The file name endings that count as images, in lower case.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".png", ".jpg", ".jpeg", ".jpe", ".webp", ".bmp", ".gif"];

    /// <summary>Whether a file's name ends like an image's.</summary>
    public static bool IsImage(string path) =>
        Extensions.Contains(System.IO.Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    /// <summary>The visible image files at or below a folder, relative to it with '/' between names, sorted ordinally.</summary>
    public static IReadOnlyList<string> Below(string folder)
    {
        var found = new List<string>();
        Collect(new DirectoryInfo(folder), "", 0, found);
        found.Sort(StringComparer.Ordinal);
        return found;
    }

    /// <summary>The names of the visible folders directly in a folder, sorted ordinally.</summary>
    public static IReadOnlyList<string> FoldersOf(string folder)
    {
        var names = new DirectoryInfo(folder).EnumerateDirectories().Where(IsVisible).Select(entry => entry.Name).ToList();
        names.Sort(StringComparer.Ordinal);
        return names;
    }

    private static void Collect(DirectoryInfo folder, string prefix, int depth, List<string> found)
    {
        if (depth > DeepestFolder)
        {
            throw new InputException($"{folder.FullName}: folders more than {DeepestFolder} deep; is a link leading back to its own folder?");
        }

        foreach (var entry in folder.EnumerateFileSystemInfos().Where(IsVisible))
        {
            if (entry is DirectoryInfo inner)
            {
                Collect(inner, $"{prefix}{entry.Name}/", depth + 1, found);
            }
            else if (IsImage(entry.Name))
            {
                found.Add(prefix + entry.Name);
            }
        }
    }

    // Names that begin with a dot cover '._photo.jpg' too: resource forks that some archives carry along, or gather in __MACOSX.
    private static bool IsVisible(FileSystemInfo entry) =>
        !entry.Name.StartsWith('.') && entry.Name != "__MACOSX" && !(OperatingSystem.IsWindows() && entry.Attributes.HasFlag(FileAttributes.Hidden));
}
