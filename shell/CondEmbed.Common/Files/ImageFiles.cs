namespace CondEmbed.Common;

/// <summary>Which files of a folder are images, in one order everywhere.</summary>
public static class ImageFiles
{
    // Nobody nests images this deep; a chain of links that leads back to itself would.
    private const int DeepestFolder = 32;

    // Files that operating systems leave in image folders.
    private static readonly string[] Clutter = ["Thumbs.db", "ehthumbs.db", "desktop.ini", "__MACOSX"];

    /// <summary>The file name endings that count as images, in lower case.</summary>
    public static IReadOnlyList<string> Extensions { get; } =
        [".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".pjp", ".webp", ".bmp", ".gif"];

    /// <summary>File name endings of image formats that are not supported, in lower case.</summary>
    internal static IReadOnlyList<string> UnreadExtensions { get; } =
    [
        ".heic", ".heif", ".hif", ".avif", ".tif", ".tiff", ".jxl", ".jp2", ".j2k", ".jpx", ".jxr", ".svg", ".psd", ".ico", ".tga", ".ppm", ".pgm", ".pbm", ".pnm",
        ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".raw", ".exr", ".hdr", ".eps",
    ];

    /// <summary>Whether a file name has an image ending.</summary>
    public static bool IsImage(string path) => EndsIn(path, Extensions);

    /// <summary>The visible image files at or below a folder, relative to it with '/' between names, sorted ordinally.</summary>
    /// <exception cref="InputException">A folder cannot be read.</exception>
    public static IReadOnlyList<string> Below(string folder) => In(folder).Images;

    /// <summary>The names of the visible folders directly in a folder, sorted ordinally.</summary>
    /// <exception cref="InputException">The folder cannot be read.</exception>
    public static IReadOnlyList<string> FoldersOf(string folder)
    {
        var names = EntriesOf(new DirectoryInfo(folder)).OfType<DirectoryInfo>().Select(entry => entry.Name).ToList();
        names.Sort(StringComparer.Ordinal);
        return names;
    }

    /// <summary>The images at or below a folder, and the other files.</summary>
    internal static FolderContents In(string folder)
    {
        var (images, others) = (new List<string>(), new List<string>());
        Collect(new DirectoryInfo(folder), "", 0, images, others);
        images.Sort(StringComparer.Ordinal);
        others.Sort(StringComparer.Ordinal);
        return new FolderContents(images, others);
    }

    /// <summary>Whether a file is, by its name, an image of an unsupported format.</summary>
    internal static bool IsUnread(string path) => EndsIn(path, UnreadExtensions);

    private static bool EndsIn(string path, IReadOnlyList<string> endings) =>
        endings.Contains(System.IO.Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    private static void Collect(DirectoryInfo folder, string prefix, int depth, List<string> images, List<string> others)
    {
        if (depth > DeepestFolder)
        {
            throw new InputException($"{folder.FullName}: folders more than {DeepestFolder} deep; is a link leading back to its own folder?");
        }

        foreach (var entry in EntriesOf(folder))
        {
            if (entry is DirectoryInfo inner)
            {
                Collect(inner, $"{prefix}{entry.Name}/", depth + 1, images, others);
            }
            else
            {
                (IsImage(entry.Name) ? images : others).Add(prefix + entry.Name);
            }
        }
    }

    private static List<FileSystemInfo> EntriesOf(DirectoryInfo folder)
    {
        try
        {
            var entries = folder.EnumerateFileSystemInfos().Where(IsVisible).ToList();
            // All bytes that are not UTF-8 become this letter, which would merge different names into one class; and no such name can be opened.
            return entries.Find(entry => entry.Name.Contains('\uFFFD', StringComparison.Ordinal) && !System.IO.Path.Exists(entry.FullName)) is { } unknown
                ? throw new InputException($"{folder.FullName}: the name '{unknown.Name}' in it is not UTF-8. Rename it, for instance with convmv.")
                : entries;
        }
        catch (Exception problem) when (problem is UnauthorizedAccessException or IOException)
        {
            var reason = problem is UnauthorizedAccessException ? "you have no permission to read this folder" : problem.Message.TrimEnd('.');
            throw new InputException($"{folder.FullName}: {reason}; make it readable, or move it away.");
        }
    }

    // Names that begin with a dot cover '._photo.jpg' too: resource forks that some archives carry along, or gather in __MACOSX.
    private static bool IsVisible(FileSystemInfo entry) =>
        !entry.Name.StartsWith('.') && !Clutter.Contains(entry.Name, StringComparer.OrdinalIgnoreCase)
        && !(OperatingSystem.IsWindows() && entry.Attributes.HasFlag(FileAttributes.Hidden));
}
