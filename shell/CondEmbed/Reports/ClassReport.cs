using CondEmbed.Evaluation;

namespace CondEmbed.Reports;

/// <summary>The metrics of each class as a table.</summary>
public static class ClassReport
{
    /// <summary>
    /// Writes CSV with the columns <c>class,queries,queries_without_match</c> and the metrics under the names of
    /// <see cref="RetrievalMetrics.Values"/>, as fractions, in the order of <see cref="RetrievalMetrics.Classes"/>: worst first. What cannot be
    /// measured for a class is left empty.
    /// </summary>
    /// <param name="path">The file, written atomically.</param>
    /// <param name="metrics">What was measured.</param>
    /// <param name="names">The names of the classes by their numbers.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Write(string path, RetrievalMetrics metrics, IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        var columns = metrics.Classes.SelectMany(one => one.Values.Keys).Distinct(StringComparer.Ordinal).ToArray();
        var lines = metrics.Classes.Select(one => (string[])
        [
            DelimitedText.Quote(names[(int)one.Label], ','),
            $"{one.Queries}",
            $"{one.QueriesWithoutMatch}",
            .. columns.Select(column => one.Values.TryGetValue(column, out var value) ? value.ToString("R", CultureInfo.InvariantCulture) : ""),
        ]);
        AtomicFile.WriteText(path, string.Concat(lines.Prepend(["class", "queries", "queries_without_match", .. columns]).Select(line => string.Join(',', line) + "\n")));
    }
}
