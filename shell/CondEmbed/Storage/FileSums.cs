using System.Security.Cryptography;
using System.Text;
using CondEmbed.Common;

namespace CondEmbed.Storage;

/// <summary>
/// SHA-256 sums of the files of a folder, in a file of its own that <c>sha256sum -c</c> reads too. A file that has no line there is not checked, so that what older
/// versions wrote is still read. While a file is replaced it has two lines, of which one holds: whenever the process is killed, the sums are right.
/// </summary>
/// <param name="folder">The folder.</param>
internal sealed class FileSums(string folder)
{
    /// <summary>The name of the file.</summary>
    internal const string Name = "condembed.sha256";

    /// <summary>What is said of a damaged file wherever it is found, as the end of a sentence about it.</summary>
    internal const string Damaged = "is damaged: it is not as it was written";

    private const int Tries = 5;

    private string Place => Path.Combine(folder, Name);

    /// <summary>Takes down the sums of all files that lie in the folder.</summary>
    internal void WriteAll() =>
        Write([.. Directory.EnumerateFiles(folder).Select(file => Path.GetFileName(file)!).Where(name => name != Name).Order(StringComparer.Ordinal).Select(Line)]);

    /// <summary>Takes down the sums of some files of the folder; those that are not there lose theirs.</summary>
    internal void Keep(params IReadOnlyList<string> files)
    {
        var names = files.Select(file => Path.GetFileName(file)!).ToHashSet(StringComparer.Ordinal);
        Write([.. Lines().Where(line => !names.Contains(line.Name)), .. names.Where(name => File.Exists(Path.Combine(folder, name))).Order(StringComparer.Ordinal).Select(Line)]);
    }

    /// <summary>Forgets the sum of a file that is about to change bit by bit.</summary>
    internal void Forget(string file)
    {
        var lines = Lines();

        if (lines.Any(line => line.Name == Path.GetFileName(file)))
        {
            Write([.. lines.Where(line => line.Name != Path.GetFileName(file))]);
        }
    }

    /// <summary>Replaces a file of the folder by what is written under the name that is given; the old one and its sum hold until the new one is whole.</summary>
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

    /// <summary>What is wrong with the files of the folder that have a sum, in words; null where nothing is.</summary>
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
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return $"a file cannot be read ({problem.Message})";
        }
    }

    /// <summary>Sees to it that a file is as it was written, where the folder that it lies in has its sum.</summary>
    /// <param name="file">The file.</param>
    /// <param name="fix">What to do where it is not, as a sentence.</param>
    /// <exception cref="InputException">It is not.</exception>
    internal static void Demand(string file, string fix)
    {
        var whole = Path.GetFullPath(file);
        var folder = Path.GetDirectoryName(whole)!;

        try
        {
            if (new FileSums(folder).ProblemOf(Path.GetFileName(whole)) is { } problem)
            {
                throw new InputException($"{file}: {problem}. {fix}");
            }
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{file}: cannot be read: {problem.Message}");
        }
    }

    private static string SumOf(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 20);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    /// <summary>What is wrong with a file, as the end of a sentence about it; null where nothing is or where there is no sum of it.</summary>
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
                return File.Exists(path) ? $"{Damaged} (its sum in {Name} is another)" : $"is missing, and {Name} has its sum";
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
            : throw new InputException($"{Place}: {Damaged}. Restore it from a copy, or delete it to go on without any check.");

        static bool IsLine(string line) => line.Length > 66 && line[64..66] == "  " && line.AsSpan(0, 64).IndexOfAnyExcept("0123456789abcdef") < 0;
    }
}
