namespace CondEmbed.Images;

/// <summary>The bytes of picture files, with errors that name the picture.</summary>
internal static class PictureFile
{
    /// <summary>All bytes of a file.</summary>
    /// <exception cref="BadPictureException">It cannot be read.</exception>
    internal static byte[] Read(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, problem);
        }
    }

    /// <summary>All bytes of a file.</summary>
    /// <exception cref="BadPictureException">It cannot be read.</exception>
    internal static async Task<byte[]> ReadAsync(string path, CancellationToken cancellation)
    {
        try
        {
            return await File.ReadAllBytesAsync(path, cancellation).ConfigureAwait(false);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, problem);
        }
    }

    private static BadPictureException Unreadable(string path, Exception problem) => new(path, "cannot be read: " + problem.Message.TrimEnd('.'));
}
