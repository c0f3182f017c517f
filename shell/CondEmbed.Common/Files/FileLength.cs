namespace CondEmbed.Common;

/// <summary>How long files are.</summary>
internal static class FileLength
{
    /// <summary>The number of bytes that reading the file gives: for a link, those of its target, where <see cref="FileInfo"/> has the link's own.</summary>
    /// <exception cref="IOException">The file does not exist, or is a link to something that does not.</exception>
    internal static long Of(string path)
    {
        var file = new FileInfo(path);
        if (!file.Attributes.HasFlag(FileAttributes.ReparsePoint))
        {
            return file.Length;
        }

        // The file is not opened, since a link may lead to a pipe.
        return file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target ? target.Length : file.Length;
    }
}
