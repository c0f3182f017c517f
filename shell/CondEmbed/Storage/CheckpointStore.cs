using System.Text.RegularExpressions;

namespace CondEmbed.Storage;

/// <summary>A complete checkpoint: a folder with the files of one step.</summary>
/// <param name="Step">The step after which it was saved.</param>
/// <param name="Folder">The folder.</param>
public sealed record Checkpoint(long Step, string Folder);

/// <summary>
/// The checkpoints of a run, several files each, that appear together or not at all, even if the process is killed or the power
/// fails. A checkpoint is written to <c>step-000000123.tmp</c>, flushed, and renamed to <c>step-000000123</c>; the folder with the
/// highest step is the newest. Older ones are renamed back to <c>.tmp</c> before they are deleted, so that a folder without that
/// ending is always complete. Each has the SHA-256 sums of its files. One process at a time may write.
/// </summary>
public sealed partial class CheckpointStore : IDisposable
{
    private readonly string root;
    private readonly int keep;
    private readonly FileStream writing;

    /// <summary>Opens a folder of checkpoints for writing; what an interrupted save left there is removed.</summary>
    /// <param name="root">The folder, created if missing.</param>
    /// <param name="keep">How many checkpoints to keep, at least 1.</param>
    /// <exception cref="InputException">Another process is writing there, or the folder cannot be written to.</exception>
    public CheckpointStore(string root, int keep = 2)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keep, 1);
        this.root = root;
        this.keep = keep;
        writing = FileProblem.Telling(
            () =>
            {
                Directory.CreateDirectory(root);
                return new FileStream(LockOf(root), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            },
            problem => FileProblem.IsFull(problem) ? FileProblem.OfWriting(root, problem)
                : FileProblem.IsLocked(problem) ? InUse(root)
                : new InputException($"{root}: cannot save checkpoints there: {FileProblem.Reason(problem)}."));
        RemoveUnfinished();
    }

    /// <summary>For tests: called with the name of each point at which a save can be interrupted.</summary>
    internal Action<string>? Passing { get; set; }

    /// <summary>The newest complete checkpoint in a folder; null if there is none. Does not need an open store.</summary>
    public static Checkpoint? Latest(string root) => All(root).LastOrDefault();

    /// <summary>All complete checkpoints in a folder, oldest first.</summary>
    public static IReadOnlyList<Checkpoint> All(string root) =>
        [.. Entries(root).Order().Select(entry => new Checkpoint(entry.Step, entry.Folder))];

    /// <summary>What is wrong with the files of a checkpoint according to the checksums saved with them; null if nothing is, or if there are no checksums.</summary>
    public static string? ProblemOf(Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        return new FileSums(checkpoint.Folder).Problem();
    }

    /// <summary>Renames the folder of a damaged checkpoint so that it no longer counts as one; nothing is deleted.</summary>
    /// <returns>The new name.</returns>
    public string SetAside(Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        var name = "damaged-" + Path.GetFileName(checkpoint.Folder);
        var free = Enumerable.Range(1, int.MaxValue).Select(n => n == 1 ? name : $"{name}-{n}").First(name => !Path.Exists(Path.Combine(root, name)));
        Directory.Move(checkpoint.Folder, Path.Combine(root, free));
        return free;
    }

    /// <summary>The newest complete checkpoint; null if there is none.</summary>
    public Checkpoint? Latest() => Latest(root);

    /// <summary>Saves a checkpoint. When it returns, the checkpoint is on disk and is the newest.</summary>
    /// <param name="step">The step, not below that of the newest checkpoint.</param>
    /// <param name="writeFiles">Writes the files of the checkpoint directly into the folder that it is given. If it cannot, because the disk is full, what it wrote is removed.</param>
    public Checkpoint Save(long step, Action<string> writeFiles)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        var newest = Latest();
        if (newest?.Step > step)
        {
            throw new ArgumentException($"step {step} comes before the newest checkpoint's, {newest.Step}", nameof(step));
        }

        RemoveUnfinished();
        var folder = Path.Combine(root, NameFor(step));
        var temporary = folder + AtomicFile.TemporaryEnding;
        try
        {
            Directory.CreateDirectory(temporary);
            Passing?.Invoke("folder made");
            writeFiles(temporary);
            new FileSums(temporary).WriteAll();
            Passing?.Invoke("files written");
            FlushAll(temporary);
            Passing?.Invoke("files flushed");
            Directory.Move(temporary, folder);
        }
        catch (Exception problem) when (FileProblem.IsOfFile(problem))
        {
            // Half a checkpoint would keep a full disk full. If it cannot be removed, it stays until the next save; the earlier error matters more.
            FileProblem.Try(RemoveUnfinished);
            throw;
        }

        Passing?.Invoke("renamed");
        Disk.FlushFolder(root);
        Passing?.Invoke("rename flushed");
        Prune();
        return new Checkpoint(step, folder);
    }

    /// <summary>What is said of a folder that another run writes to.</summary>
    internal static InputException InUse(string root) => new($"{root}: another run is using this folder. Wait until it has ended, or choose another folder.");

    /// <summary>Whether somebody is writing there.</summary>
    internal static bool IsInUse(string root)
    {
        try
        {
            using var trial = new FileStream(LockOf(root), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return false;
        }
        catch (Exception problem) when (FileProblem.IsOfFile(problem))
        {
            return FileProblem.IsLocked(problem);
        }
    }

    /// <summary>The lock file that keeps other processes out.</summary>
    internal static string LockOf(string root) => Path.Combine(root, ".lock");

    /// <summary>Lets another process write.</summary>
    public void Dispose() => writing.Dispose();

    [GeneratedRegex(@"^step-(?<step>[0-9]{1,18})(\.(?<again>[0-9]{1,9}))?$", RegexOptions.CultureInvariant)]
    private static partial Regex FolderName();

    private static IEnumerable<(long Step, int Again, string Folder)> Entries(string root)
    {
        foreach (var folder in Directory.Exists(root) ? Directory.GetDirectories(root) : [])
        {
            if (FolderName().Match(Path.GetFileName(folder)) is { Success: true } match)
            {
                var again = match.Groups["again"];
                yield return (
                    long.Parse(match.Groups["step"].ValueSpan, CultureInfo.InvariantCulture),
                    again.Success ? int.Parse(again.ValueSpan, CultureInfo.InvariantCulture) : 1,
                    folder);
            }
        }
    }

    private static void FlushAll(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder))
        {
            Disk.FlushFile(file);
        }

        Disk.FlushFolder(folder);
    }

    // A folder cannot be renamed over another one; a second save of the same step gets a number of its own, and is the newer.
    private string NameFor(long step)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"step-{step:d9}");
        var last = Entries(root).Where(entry => entry.Step == step).Select(entry => entry.Again).DefaultIfEmpty(0).Max();
        return last == 0 ? name : string.Create(CultureInfo.InvariantCulture, $"{name}.{last + 1}");
    }

    private void Prune()
    {
        foreach (var old in All(root).SkipLast(keep))
        {
            var leaving = old.Folder + AtomicFile.TemporaryEnding;
            Directory.Move(old.Folder, leaving);
            Passing?.Invoke("old one renamed");
            Directory.Delete(leaving, recursive: true);
            Passing?.Invoke("old one deleted");
        }
    }

    private void RemoveUnfinished()
    {
        foreach (var folder in Directory.EnumerateDirectories(root, "step-*" + AtomicFile.TemporaryEnding)
            .Where(folder => FolderName().IsMatch(Path.GetFileNameWithoutExtension(folder))))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
