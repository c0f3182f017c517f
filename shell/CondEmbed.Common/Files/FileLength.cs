namespace CondEmbed.Common;

/// <summary>How long files are, and when they were written.</summary>
internal static class FileLength
{
    /// <summary>The number of bytes that reading the file gives: for a link, those of its target, where <see cref="FileInfo"/> has the link's own.</summary>
    /// <exception cref="IOException">The file does not exist, or is a link to something that does not.</exception>
    internal static long Of(string path) => Target(path).Length;

    /// <summary>The place, length and time of a file, which tell whether it has changed; of a link, those of its target.</summary>
    /// <exception cref="IOException">The file does not exist, or is a link to something that does not.</exception>
    internal static string StampOf(string path)
    {
        var file = Target(path);
        return string.Create(CultureInfo.InvariantCulture, $"{file.FullName} {file.Length} {file.LastWriteTimeUtc.Ticks}");
    }

    private static FileInfo Target(string path)
    {
        var file = new FileInfo(path);
        if (!file.Attributes.HasFlag(FileAttributes.ReparsePoint))
        {
            return file;
        }

        // The file is not opened, since a link may lead to a pipe.
        return file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
    }
}
