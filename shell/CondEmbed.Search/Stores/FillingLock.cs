using CondEmbed.Common;

namespace CondEmbed.Search;

/// <summary>
/// The right to fill an index file, which one program has at a time. The lock is the system's, on a file next to the index: it ends with the process, and the file is
/// removed with it.
/// </summary>
internal sealed class FillingLock : IDisposable
{
    private readonly FileStream claim;

    /// <summary>Takes the lock.</summary>
    /// <exception cref="InputException">Another program has it, or nothing can be written there.</exception>
    internal FillingLock(string index)
    {
        var path = index + ".filling";
        try
        {
            claim = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException problem) when (FileProblem.IsLocked(problem))
        {
            throw Filling(index);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{index}: cannot be filled, because nothing can be written next to it: {problem.Message} Fix the permissions of the folder, or give another file.");
        }

        if (!IsStill(path))
        {
            claim.Dispose();
            throw Filling(index);
        }
    }

    public void Dispose() => claim.Dispose();

    private static InputException Filling(string index) => new($"{index}: another program is filling this index. Wait until it has finished, or give another file.");

    // The previous owner of the lock removes the file: a lock on a file that no longer has a name would keep nobody out.
    private bool IsStill(string path)
    {
        try
        {
            var mark = DateTime.UnixEpoch.AddSeconds(Random.Shared.Next());
            File.SetLastWriteTimeUtc(claim.SafeFileHandle, mark);
            return File.GetLastWriteTimeUtc(path) == File.GetLastWriteTimeUtc(claim.SafeFileHandle);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return OperatingSystem.IsWindows(); // It tells no times of a file that is locked, and removes none that is open.
        }
    }
}
