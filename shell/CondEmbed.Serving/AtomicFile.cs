namespace CondEmbed;

/// <summary>
/// Writes files so that under their name there is always either the old content or all of the new, also when the process is killed
/// or the power fails: a temporary name in the same folder, flushed to disk, then renamed.
/// </summary>
public static class AtomicFile
{
    /// <summary>The ending of unfinished files and folders.</summary>
    public const string TemporaryEnding = ".tmp";

    /// <summary>Checks a name before the work whose result it is for.</summary>
    /// <exception cref="InputException">Its folder is missing.</exception>
    public static void Check(string path)
    {
        if (MissingFolder(path) is { } folder)
        {
            throw new InputException($"{path}: there is no folder {folder}");
        }
    }

    /// <summary>Writes a file. When <paramref name="write"/> throws, the old file stays and nothing new is left behind.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="write">Writes the content.</param>
    /// <param name="check">Sees the complete file under its temporary name; when it throws, the old file stays.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public static void Write(string path, Action<Stream> write, Action<string>? check = null)
    {
        // Else the system would name the temporary file, which nobody knows of.
        if (MissingFolder(path) is { } folder)
        {
            throw new DirectoryNotFoundException($"there is no folder {folder}.");
        }

        var temporary = $"{path}.{Guid.NewGuid():N}{TemporaryEnding}";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            check?.Invoke(temporary);
            File.Move(temporary, path, overwrite: true);
            Disk.FlushFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Writes a text file in UTF-8 without a byte order mark; see <see cref="Write"/>.</summary>
    public static void WriteText(string path, string text) =>
        Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    private static string? MissingFolder(string path)
    {
        var named = Path.GetDirectoryName(path);
        var folder = string.IsNullOrEmpty(named) ? Path.GetDirectoryName(Path.GetFullPath(path)) : named;
        return folder is null || Directory.Exists(folder) ? null : folder;
    }
}
