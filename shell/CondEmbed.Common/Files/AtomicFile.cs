namespace CondEmbed.Common;

/// <summary>
/// Writes files so that under their name there is always either the old content or all of the new, even when the process is killed
/// or the power fails: it writes to a temporary name in the same folder, flushes to disk, then renames.
/// </summary>
public static class AtomicFile
{
    /// <summary>The ending of unfinished files and folders.</summary>
    public const string TemporaryEnding = ".tmp";

    private const int LongestName = 255;

    /// <summary>Checks a name before the work whose result it will hold: that a file could be written there now.</summary>
    /// <param name="path">The file.</param>
    /// <param name="makesFolder">Whether its folder will be created if it is missing.</param>
    /// <exception cref="InputException">Its folder is missing, or no file of that name can be written there.</exception>
    /// <exception cref="DiskException">The disk is full.</exception>
    public static void Check(string path, bool makesFolder = false)
    {
        DemandName(path);
        if (Disk.IsSpecial(path))
        {
            return;
        }

        var folder = FolderOf(path);
        while (makesFolder && !Path.Exists(folder) && Path.GetDirectoryName(folder) is { } above)
        {
            folder = above;
        }

        DemandFolder(path, folder);
        var trial = Path.Combine(folder, Path.GetFileName(TemporaryFor(path)));
        FileProblem.Writing(path, () => File.OpenHandle(trial, FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.DeleteOnClose).Dispose());
    }

    /// <summary>
    /// Writes a file. When <paramref name="write"/> throws, the old file stays and nothing new is left behind. If the name is a link, the file that it points to
    /// is replaced; a device or a pipe is written to.
    /// </summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="write">Writes the content.</param>
    /// <param name="check">Called with the complete file under its temporary name; if it throws, the old file stays.</param>
    /// <exception cref="InputException">The folder does not exist, or no file can be written there.</exception>
    /// <exception cref="DiskException">The disk is full or failing.</exception>
    public static void Write(string path, Action<Stream> write, Action<string>? check = null)
    {
        ArgumentNullException.ThrowIfNull(write);
        DemandName(path);
        if (Disk.IsSpecial(path))
        {
            WriteInto(path, write);
            return;
        }

        DemandFolder(path, FolderOf(path));
        var target = TargetOf(path);
        var temporary = AtomicFiles.Begun(TemporaryFor(target));
        try
        {
            using (var stream = FileProblem.Writing(path, () => new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16)))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            check?.Invoke(temporary);
            AtomicFiles.Finished(path, target, temporary);
        }
        catch (Exception problem)
        {
            AtomicFiles.Discard(temporary);
            // Other exceptions come from producing the content, such as an image that cannot be read.
            if (FileProblem.IsFull(problem))
            {
                throw FileProblem.OfWriting(path, problem);
            }

            throw;
        }
    }

    /// <summary>Writes a text file in UTF-8 without a byte order mark; see <see cref="Write"/>.</summary>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>Creates a folder and its parents.</summary>
    internal static void MakeFolder(string path)
    {
        if (File.Exists(path))
        {
            throw new InputException($"{path}: is a file, not a folder. Choose another path.");
        }

        FileProblem.Writing(path, () => Directory.CreateDirectory(path));
    }

    /// <summary>A name for an incomplete file, in the folder of the final one.</summary>
    internal static string TemporaryFor(string path)
    {
        var name = Path.GetFileName(path);
        // The temporary name has 37 bytes more.
        var start = Encoding.UTF8.GetByteCount(name) <= 200 ? name : "unfinished";
        return Path.Combine(FolderOf(path), $"{start}.{Guid.NewGuid():N}{TemporaryEnding}");
    }

    /// <summary>Whether a file was left unfinished by this class, rather than made by someone else.</summary>
    internal static bool IsTemporary(string path)
    {
        var parts = Path.GetFileName(path).Split('.');
        return parts.Length >= 3 && "." + parts[^1] == TemporaryEnding && Guid.TryParseExact(parts[^2], "N", out _);
    }

    private static void WriteInto(string path, Action<Stream> write)
    {
        // Writing may seek back to the beginning, which a device cannot do.
        using var content = new MemoryStream();
        write(content);
        FileProblem.Writing(path, () =>
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 1);
            content.WriteTo(stream);
        });
    }

    private static void DemandName(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (string.IsNullOrWhiteSpace(path))
        {
            throw new InputException("The name of the file to write is empty; give one.");
        }

        if (path.Any(char.IsControl))
        {
            throw new InputException(
                $"{string.Concat(path.Select(c => char.IsControl(c) ? '?' : c))}: the name contains a control character (U+{(int)path.First(char.IsControl):X4}); choose a name without it.");
        }

        if (Encoding.UTF8.GetByteCount(Path.GetFileName(path)) > LongestName)
        {
            throw new InputException($"{path}: cannot be written: the name is too long; at most {LongestName} bytes are allowed.");
        }

        if (Directory.Exists(path) || Path.EndsInDirectorySeparator(path))
        {
            throw new InputException($"{path}: is a folder; give a file in it.");
        }
    }

    private static void DemandFolder(string path, string folder)
    {
        if (File.Exists(folder))
        {
            throw new InputException($"{path}: cannot be written: {folder} is a file; give a path inside a folder.");
        }

        if (!Directory.Exists(folder))
        {
            throw new InputException($"{path}: cannot be written: there is no folder {NamedFolder(path)}; create it, or choose another file.");
        }
    }

    private static string FolderOf(string path) => Path.GetDirectoryName(Path.GetFullPath(path))!;

    private static string NamedFolder(string path) => Path.GetDirectoryName(path) is { Length: > 0 } named ? named : FolderOf(path);

    private static string TargetOf(string path)
    {
        try
        {
            return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        }
        catch (IOException)
        {
            return path;
        }
    }
}
