namespace CondEmbed.Storage;

/// <summary>Keeps other processes out of a folder while this one works there. However the process ends, the lock ends with it.</summary>
internal sealed class FolderLock : IDisposable
{
    private readonly IReadOnlyList<string> made;
    private readonly FileStream held;

    /// <summary>Creates the folder if it is missing, and locks it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="inUse">What is said if another process has it.</param>
    /// <exception cref="InputException">Another process has it, or it cannot be written to.</exception>
    internal FolderLock(string folder, Func<InputException> inUse)
    {
        made = RunFolder.Missing(folder);
        AtomicFile.MakeFolder(folder);
        held = FileProblem.Telling(
            () => new FileStream(CheckpointStore.LockOf(folder), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose),
            problem => FileProblem.IsLocked(problem) ? inUse() : FileProblem.OfWriting(folder, problem));
    }

    /// <summary>Lets others in; folders that were made for this and are still empty go again.</summary>
    public void Dispose()
    {
        held.Dispose();

        foreach (var folder in made.Where(folder => Directory.Exists(folder) && !Directory.EnumerateFileSystemEntries(folder).Any()))
        {
            // Another process may be coming in at this moment.
            FileProblem.Try(() => Directory.Delete(folder));
        }
    }
}
