namespace CondEmbed.Images;

/// <summary>The bytes of image files, with errors that name the image.</summary>
internal static class ImageFile
{
    /// <summary>All bytes of a file.</summary>
    /// <param name="path">Where it is.</param>
    /// <param name="name">The image's name for messages; null for the path.</param>
    /// <exception cref="BadImageException">The file cannot be read.</exception>
    internal static byte[] Read(string path, string? name = null) => FileProblem.Telling(
        () =>
        {
            DemandFile(path, name ?? path);
            return File.ReadAllBytes(path);
        },
        problem => Unreadable(path, name ?? path, problem));

    /// <summary>All bytes of a file.</summary>
    /// <exception cref="BadImageException">The file cannot be read.</exception>
    internal static async Task<byte[]> ReadAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            DemandFile(path, path);
            return await File.ReadAllBytesAsync(path, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception problem) when (FileProblem.IsOfFile(problem))
        {
            throw Unreadable(path, path, problem);
        }
    }

    // A pipe would block its reader, and a device may never end; neither has a length.
    private static void DemandFile(string path, string name)
    {
        var entry = new FileInfo(path);
        var file = entry.LinkTarget is null ? entry : entry.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? entry;
        if (file is { Exists: true, Length: 0 })
            throw new BadImageException(name, "the file is empty, or is a pipe or a device");
    }

    private static BadImageException Unreadable(string path, string name, Exception problem) => new(name, problem switch
    {
        FileNotFoundException or DirectoryNotFoundException => "no such file",
        _ when Directory.Exists(path) => "is a folder",
        _ => $"cannot be read: {FileProblem.Reason(problem)}",
    });
}
