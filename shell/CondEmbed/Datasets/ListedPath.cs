namespace CondEmbed.Datasets;

/// <summary>Paths of images in tables and lists, which may have come from another system.</summary>
internal static class ListedPath
{
    /// <summary>
    /// The file for a path relative to a folder; null if there is none. If nothing has exactly that name, backslashes are taken for slashes, and a name
    /// matches one that differs only in Unicode normal form, as names from a Mac do.
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

    /// <summary>Adds a problem if a path is empty, rooted, or goes up by '..', even as another system would read it.</summary>
    /// <param name="path">The path as it is listed.</param>
    /// <param name="place">The list and the line, for the message.</param>
    /// <param name="problems">Collects the problems.</param>
    internal static void Check(string path, string place, ProblemList problems)
    {
        if (path is "" or ['/' or '\\', ..] or [_, ':', ..] || path.Contains('\0', StringComparison.Ordinal) || path.Split('/', '\\').Contains(".."))
        {
            problems.Add($"{place}: '{path}' is not a path inside the data set's folder; write it relative to that folder and without '..'");
        }
    }
}
