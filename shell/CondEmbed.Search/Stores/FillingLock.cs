using System.Diagnostics;

namespace CondEmbed.Search;

/// <summary>
/// The right to fill an index file, which one program has at a time. The lock is the system's, on a file next to the index: it ends with the process, and the file is
/// removed with it.
/// </summary>
internal sealed class FillingLock : IDisposable
{
    // What this process fills: who has the lock, the system does not tell.
    private static readonly HashSet<string> Ours = new(StringComparer.Ordinal);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly FileStream claim;
    private readonly string name;

    private FillingLock(FileStream claim, string name) => (this.claim, this.name) = (claim, name);

    /// <summary>Takes the lock.</summary>
    /// <exception cref="StoreBusyException">Another store has it.</exception>
    /// <exception cref="InputException">Nothing can be written there.</exception>
    internal static FillingLock Take(string index) => TryTake(index) ?? throw Filling(index);

    /// <summary>Takes the lock, and waits some seconds for a store that has it, which may only be writing a few records.</summary>
    /// <exception cref="StoreBusyException">It keeps it.</exception>
    /// <exception cref="InputException">Nothing can be written there.</exception>
    internal static async Task<FillingLock> TakeAsync(string index, CancellationToken cancellationToken)
    {
        var waiting = Stopwatch.StartNew();
        while (true)
        {
            if (TryTake(index) is { } taken)
            {
                return taken;
            }

            if (waiting.Elapsed > Patience)
            {
                throw Filling(index);
            }

            await Task.Delay(Pause, cancellationToken).ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        lock (Ours)
        {
            if (claim.CanWrite)
            {
                Ours.Remove(name);
                claim.Dispose();
            }
        }
    }

#pragma warning disable IDISP001 // What is opened is the lock's.
    private static FillingLock? TryTake(string index)
    {
        var (path, name) = (index + ".filling", Path.GetFullPath(index));
        lock (Ours)
        {
            if (Ours.Contains(name))
            {
                return null;
            }

            FileStream claim;
            try
            {
                claim = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
            }
            catch (IOException problem) when (FileProblem.IsLocked(problem))
            {
                return null;
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
            {
                throw new InputException($"{index}: cannot be filled, because nothing can be written next to it: {problem.Message} Fix the permissions of the folder, or give another file.");
            }

            if (!IsStill(claim, path))
            {
                claim.Dispose();
                return null;
            }

            Ours.Add(name);
            return new FillingLock(claim, name);
        }
    }
#pragma warning restore IDISP001

    private static StoreBusyException Filling(string index)
    {
        lock (Ours)
        {
            return new(Ours.Contains(Path.GetFullPath(index))
                ? $"{index}: another store of this program is filling this index. Use one store for both, or dispose of the other one first."
                : $"{index}: another program is filling this index. Wait until it has finished, or give another file.");
        }
    }

    // The previous owner of the lock removes the file: a lock on a file that no longer has a name would keep nobody out.
    private static bool IsStill(FileStream claim, string path)
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
