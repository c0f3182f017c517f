namespace CondEmbed.Storage;

/// <summary>
/// SHA-256 sums of the files of a folder, in a file of its own that <c>sha256sum -c</c> reads too. A file without a line there is not checked, so that the files of older
/// versions can still be read. While a file is being replaced it has two lines, of which one is right: so the sums are right whenever the process is killed.
/// </summary>
/// <param name="folder">The folder.</param>
internal sealed class FileSums(string folder)
{
    /// <summary>The name of the file.</summary>
    internal const string Name = "condembed.sha256";

    /// <summary>The end of a sentence about a damaged file.</summary>
    internal const string Damaged = "is damaged: its contents have changed since it was written";

    private const int Tries = 5;

    private string Place => Path.Combine(folder, Name);

    /// <summary>Records the checksums of all files in the folder.</summary>
    internal void WriteAll() =>
        Write([.. Directory.EnumerateFiles(folder).Select(file => Path.GetFileName(file)!).Where(name => name != Name).Order(StringComparer.Ordinal).Select(Line)]);

    /// <summary>Records the checksums of some files of the folder; missing files lose theirs.</summary>
    internal void Keep(params IReadOnlyList<string> files)
    {
        var names = files.Select(file => Path.GetFileName(file)!).ToHashSet(StringComparer.Ordinal);
        Write([.. Lines().Where(line => !names.Contains(line.Name)), .. names.Where(name => File.Exists(Path.Combine(folder, name))).Order(StringComparer.Ordinal).Select(Line)]);
    }

    /// <summary>Forgets the checksum of a file that is about to be appended to.</summary>
    internal void Forget(string file)
    {
        var lines = Lines();

        if (lines.Any(line => line.Name == Path.GetFileName(file)))
        {
            Write([.. lines.Where(line => line.Name != Path.GetFileName(file))]);
        }
    }

    /// <summary>Replaces a file of the folder by what is written under the given name; the old one and its checksum remain valid until the new one is complete.</summary>
    internal void Replace(string file, Action<string> write)
    {
        var temporary = AtomicFile.TemporaryFor(file);

        try
        {
            write(temporary);

            if (!File.Exists(temporary))
            {
                return;
            }

            var own = (Sum: SumOf(temporary), Name: Path.GetFileName(file));
            var lines = Lines();
            Write([.. lines, own]);
            File.Move(temporary, file, overwrite: true);
            Disk.FlushFolder(folder);
            Write([.. lines.Where(line => line.Name != own.Name), own]);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>What is wrong with the files of the folder that have a checksum; null if nothing is.</summary>
    internal string? Problem()
    {
        try
        {
            return Lines().Select(line => line.Name).Distinct(StringComparer.Ordinal)
                .Select(name => ProblemOf(name) is { } problem ? $"{name} {problem}" : null)
                .FirstOrDefault(problem => problem is not null);
        }
        catch (InputException)
        {
            return $"{Name} {Damaged}";
        }
        catch (Exception problem) when (FileProblem.IsOfFile(problem))
        {
            return $"a file cannot be read ({problem.Message})";
        }
    }

    /// <summary>Checks that a file has not changed since it was written, if its folder has its checksum.</summary>
    /// <param name="file">The file.</param>
    /// <param name="fix">What to do if it has changed, as a sentence.</param>
    /// <exception cref="InputException">It has changed.</exception>
    internal static void Demand(string file, string fix)
    {
        var whole = Path.GetFullPath(file);
        var folder = Path.GetDirectoryName(whole)!;
        var problem = FileProblem.Telling(
            () => new FileSums(folder).ProblemOf(Path.GetFileName(whole)), failed => new InputException($"{file}: cannot be read: {failed.Message}"));
        if (problem is not null)
        {
            throw new InputException($"{file}: {problem}. {fix}");
        }
    }

    /// <summary>A file's SHA-256, in small letters.</summary>
    internal static string SumOf(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 20);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    /// <summary>What is wrong with a file, as the end of a sentence about it; null if nothing is, or if its checksum is unknown.</summary>
    private string? ProblemOf(string name)
    {
        for (var at = 1; ; at++)
        {
            var lines = Lines();
            string[] sums = [.. lines.Where(line => line.Name == name).Select(line => line.Sum)];
            var path = Path.Combine(folder, name);

            if (sums.Length == 0 || (File.Exists(path) && sums.Contains(SumOf(path))))
            {
                return null;
            }

            // Another process may just have replaced it.
            if (at == Tries || lines.SequenceEqual(Lines()))
            {
                return File.Exists(path) ? $"{Damaged} (its checksum in {Name} differs)" : $"is missing, but {Name} lists its checksum";
            }
        }
    }

    private (string Sum, string Name) Line(string name) => (SumOf(Path.Combine(folder, name)), name);

    private void Write(IReadOnlyList<(string Sum, string Name)> lines) =>
        AtomicFile.WriteText(Place, string.Concat(lines.Select(line => $"{line.Sum}  {line.Name}\n")));

    private List<(string Sum, string Name)> Lines()
    {
        if (!File.Exists(Place))
        {
            return [];
        }

        var text = File.ReadAllText(Place, Encoding.UTF8);
        var lines = text.Split('\n');
        return text.Length > 0 && lines[^1].Length == 0 && lines[..^1].All(IsLine)
            ? [.. lines[..^1].Select(line => (line[..64], line[66..]))]
            : throw new InputException($"{Place}: {Damaged}. Restore it from a backup, or delete it to continue without checks.");

        // A name with a folder could be that of a device, which never ends.
        static bool IsLine(string line) => line.Length > 66 && line[64..66] == "  " && line.AsSpan(0, 64).IndexOfAnyExcept("0123456789abcdef") < 0
            && line.AsSpan(66).IndexOfAny('/', '\\') < 0;
    }
}
