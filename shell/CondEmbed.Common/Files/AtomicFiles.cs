namespace CondEmbed.Common;

/// <summary>
/// Files that appear together: what <see cref="AtomicFile"/> writes on this thread waits under its temporary names until <see cref="Commit"/>. The first is the one
/// that the others belong to. Whenever the process is killed, all of them are new, or all are old, or the first is missing.
/// </summary>
internal sealed class AtomicFiles : IDisposable
{
    private static readonly Lock Naming = new();
    private static readonly HashSet<string> Unfinished = [];

    [ThreadStatic]
    private static AtomicFiles? current;

    private readonly List<Entry> entries = [];
    private readonly AtomicFiles? outer;

    private AtomicFiles()
    {
        outer = current;
        current = this;
    }

    private sealed record Entry(string Path, string Target, string Temporary)
    {
        internal string? Aside { get; set; }

        internal bool IsNamed { get; set; }
    }

    /// <summary>Begins a group of files that appear together; files that are not committed when it is disposed are removed.</summary>
    internal static AtomicFiles Together() => new();

    /// <summary>Gives all files their names, unless this is part of a larger group.</summary>
    internal void Commit()
    {
        if (outer is not null)
        {
            outer.entries.AddRange(entries);
        }
        else
        {
            Name(entries);
        }

        entries.Clear();
    }

    public void Dispose()
    {
        current = outer;
        entries.ForEach(entry => Discard(entry.Temporary));
        entries.Clear();
    }

    /// <summary>Removes unfinished files, and lets no more files get their names: the process is about to end.</summary>
    internal static void Abandon()
    {
        // A rename under way takes an instant, unless the disk hangs.
        if (!Naming.TryEnter(TimeSpan.FromSeconds(1)))
        {
            return;
        }

        string[] left;
        lock (Unfinished)
        {
            left = [.. Unfinished];
        }

        foreach (var temporary in left)
        {
            TryDelete(temporary);
        }
    }

    /// <summary>Registers a temporary file that is about to be created.</summary>
    internal static string Begun(string temporary)
    {
        lock (Unfinished)
        {
            Unfinished.Add(temporary);
        }

        return temporary;
    }

    /// <summary>Gives a complete file its name, or keeps it for later if it belongs to a group.</summary>
    internal static void Finished(string path, string target, string temporary)
    {
        var entry = new Entry(path, target, temporary);
        if (current is { } together)
        {
            together.entries.Add(entry);
        }
        else
        {
            Name([entry]);
        }
    }

    /// <summary>Removes a temporary file.</summary>
    internal static void Discard(string temporary)
    {
        TryDelete(temporary);
        Forget(temporary);
    }

    private static void Name(List<Entry> entries)
    {
        lock (Naming)
        {
            try
            {
                // The first file is removed first and renamed last, so it never appears next to files of another group.
                foreach (var entry in entries.Where(entry => entries.Count > 1 && File.Exists(entry.Target)))
                {
                    var aside = Begun(AtomicFile.TemporaryFor(entry.Target));
                    Move(entry.Path, entry.Target, aside);
                    entry.Aside = aside;
                }

                foreach (var entry in Enumerable.Reverse(entries))
                {
                    Move(entry.Path, entry.Temporary, entry.Target);
                    entry.IsNamed = true;
                    Forget(entry.Temporary);
                }
            }
            catch
            {
                entries.ForEach(TakeBack);
                throw;
            }
        }

        foreach (var aside in entries.Select(entry => entry.Aside).OfType<string>())
        {
            Discard(aside);
        }

        foreach (var folder in entries.Select(entry => Path.GetDirectoryName(Path.GetFullPath(entry.Target))!).Distinct())
        {
            Disk.FlushFolder(folder);
        }
    }

    private static void TakeBack(Entry entry)
    {
        if (entry.IsNamed)
        {
            TryDelete(entry.Target);
        }

        Discard(entry.Temporary);
        if (entry.Aside is { } aside)
        {
            Move(entry.Path, aside, entry.Target);
            Forget(aside);
        }
    }

    private static void Move(string path, string from, string to) => FileProblem.Writing(path, () => File.Move(from, to, overwrite: true));

    private static void Forget(string temporary)
    {
        lock (Unfinished)
        {
            Unfinished.Remove(temporary);
        }
    }

    // If it cannot be deleted, it stays behind under a name that nobody takes for a result; the earlier error matters more.
    private static void TryDelete(string path) => FileProblem.Try(() => File.Delete(path));
}
