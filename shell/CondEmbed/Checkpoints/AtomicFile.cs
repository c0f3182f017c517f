namespace CondEmbed.Checkpoints;

/// <summary>
/// Writes files so that under their name there is always either the old content or all of the new, also when the process is killed
/// or the power fails: a temporary name in the same folder, flushed to disk, then renamed.
/// </summary>
public static class AtomicFile
{
    /// <summary>The ending of unfinished files and folders.</summary>
    public const string TemporaryEnding = ".tmp";

    /// <summary>Writes a file. When <paramref name="write"/> throws, the old file stays and nothing new is left behind.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="write">Writes the content.</param>
    public static void Write(string path, Action<Stream> write)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}{TemporaryEnding}";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

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
}
