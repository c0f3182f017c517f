namespace CondEmbed.Common;

/// <summary>How long files are.</summary>
internal static class FileLength
{
    /// <summary>The bytes that reading the file gives: of a link, those of what it leads to, where <see cref="FileInfo"/> has the link's own.</summary>
    /// <exception cref="IOException">It is not there, or is a link to what is not there.</exception>
    internal static long Of(string path)
    {
        var file = new FileInfo(path);
        if (!file.Attributes.HasFlag(FileAttributes.ReparsePoint))
        {
            return file.Length;
        }

        // Not by opening it: what a link leads to may be a pipe.
        return file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target ? target.Length : file.Length;
    }
}
