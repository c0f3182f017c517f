namespace CondEmbed.Datasets;

/// <summary>Paths of pictures in the lists of published sets, which may have come from anywhere: they must stay within the folder of the set.</summary>
internal static class ListedPath
{
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
