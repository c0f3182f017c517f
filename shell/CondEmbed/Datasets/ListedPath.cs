using System.Text;
using CondEmbed.Common;

namespace CondEmbed.Datasets;

/// <summary>Paths of images in tables and lists, which may have come from another system.</summary>
internal static class ListedPath
{
    /// <summary>
    /// The file that a path relative to a folder means; null if there is none. Where nothing has exactly that name, backslashes are taken for slashes, and a name
    /// for one that differs only in Unicode's normal form, as names from a Mac do.
    /// </summary>
    internal static string? Find(string folder, string path)
    {
        if (path.Length == 0 || path.Contains('\0', StringComparison.Ordinal))
        {
            return null;
        }

        var exact = Path.Combine(folder, path);
        if (File.Exists(exact))
        {
            return exact;
        }

        string? found = Path.IsPathRooted(path) ? Path.GetPathRoot(path) : folder;
        foreach (var part in path.Split('/', '\\').Where(part => part.Length > 0))
        {
            found = found is null ? null : Entry(found, part);
        }

        return File.Exists(found) ? found : null;
    }

    private static string? Entry(string folder, string name)
    {
        var exact = Path.Combine(folder, name);
        if (Path.Exists(exact))
        {
            return exact;
        }

        var normal = ClassLabel.Normal(name);
        return !Ascii.IsValid(name) && Directory.Exists(folder)
            ? Directory.EnumerateFileSystemEntries(folder).FirstOrDefault(entry => ClassLabel.Normal(Path.GetFileName(entry)) == normal)
            : null;
    }

    /// <summary>Adds a problem where a path is empty or rooted, or goes up by '..', also as another system would read it.</summary>
    /// <param name="path">The path as it is listed.</param>
    /// <param name="place">The list and the line, for the message.</param>
    /// <param name="problems">Gathers what is wrong.</param>
    internal static void Check(string path, string place, ProblemList problems)
    {
        if (path is "" or ['/' or '\\', ..] or [_, ':', ..] || path.Contains('\0', StringComparison.Ordinal) || path.Split('/', '\\').Contains(".."))
        {
            problems.Add($"{place}: '{path}' is no path within the folder of the set; write it relative to the folder and without '..'");
        }
    }
}
