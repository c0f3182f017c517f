namespace CondEmbed.Evaluation;

/// <summary>A line of the table of metrics, as text, in percent.</summary>
/// <param name="Key">Its key, as in <see cref="MetricNames"/>.</param>
/// <param name="Name">Its display name.</param>
/// <param name="Before">Value before training; empty if not measured.</param>
/// <param name="After">Value after training; empty if not measured.</param>
/// <param name="Change">After minus before in percentage points, with its sign; empty if one is missing.</param>
public sealed record MetricRow(string Key, string Name, string Before, string After, string Change);

/// <summary>The table of metrics before and after training.</summary>
public static class MetricTable
{
    /// <summary>The rows in the order of <see cref="MetricNames.Order"/>; both sets hold fractions (0 to 1).</summary>
    public static IReadOnlyList<MetricRow> Rows(
        IReadOnlyDictionary<string, double> before, IReadOnlyDictionary<string, double> after)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        return [.. MetricNames.Order(before, after).Select(key => Row(key, before.Find(key), after.Find(key)))];
    }

    /// <summary>
    /// The table as aligned text: a header, then one line per metric, then what <see cref="Worse"/> says; there is no line feed after the last line.
    /// </summary>
    public static string Format(IReadOnlyDictionary<string, double> before, IReadOnlyDictionary<string, double> after) =>
        Format(before, after, "before", "after") + (Worse(before, after) is { } warning ? $"\n\n{warning}" : "");

    /// <summary>The table alone, with other names for the two columns.</summary>
    public static string Format(IReadOnlyDictionary<string, double> before, IReadOnlyDictionary<string, double> after, string first, string second)
    {
        var rows = Rows(before, after).Select(row => new[] { row.Name, row.Before, row.After, row.Change });
        string[][] table = [["metric (%)", first, second, "change"], .. rows];
        // A column that is empty for every metric (nothing was measured before training) is left out.
        var shown = Enumerable.Range(0, 4).Where(column => table.Skip(1).Any(row => row[column].Length > 0)).ToArray();
        return string.Join('\n', TextTable.Lines([.. table.Select(row => shown.Select(column => row[column]).ToArray())]));
    }

    /// <summary>The warning that training has made MAP@R worse, and what to do; null if it has not, or was not measured.</summary>
    public static string? Worse(IReadOnlyDictionary<string, double> before, IReadOnlyDictionary<string, double> after)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        return after.Find(MetricNames.MapAtR) < before.Find(MetricNames.MapAtR)
            ? "Worse than before: in so few steps, or from so few classes, the network lost more than it learned. Train on more classes, for more steps, or with a lower lr."
            : null;
    }

    /// <summary>Whether training helped, in words for people who do not know the metrics; null if nothing was measured before or after.</summary>
    /// <param name="before">Metrics before training, as fractions.</param>
    /// <param name="after">The same after it.</param>
    /// <param name="of">What was measured, as in "images of classes that the network was never trained on".</param>
    public static string? Verdict(IReadOnlyDictionary<string, double> before, IReadOnlyDictionary<string, double> after, string of)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);

        if (after.Find(MetricNames.Recall1) is not { } found || before.Find(MetricNames.Recall1) is not { } foundBefore)
        {
            return null;
        }

        var ranked = (after.Find(MetricNames.MapAtR) ?? found) - (before.Find(MetricNames.MapAtR) ?? foundBefore);
        var verdict = (found - foundBefore, ranked) switch
        {
            ( > 0, > 0) => "Training helped.",
            ( < 0, < 0) => "Training did not help.",
            (0, 0) => "Training changed nothing.",
            ( >= 0, _) => "Training helped to find the first match, but not the others (MAP@R).",
            _ => "Training helped to find all matches (MAP@R), but not the first.",
        };
        return $"{verdict} Of 100 {of}, {Share(found)} find a matching one first; before training {Share(foundBefore)} did.";

        static string Share(double fraction) => FormattableString.Invariant($"{100 * fraction:0}");
    }

    private static MetricRow Row(string key, double? before, double? after) =>
        new(
            key,
            MetricNames.Display(key),
            before is { } b ? Readable.Percent(b) : "",
            after is { } a ? Readable.Percent(a) : "",
            after - before is { } change ? Readable.PercentChange(change) : "");
}

/// <summary>Metrics of which some may not have been measured.</summary>
internal static class MeasuredMetrics
{
    /// <summary>A metric as a fraction; null if it was not measured.</summary>
    internal static double? Find(this IReadOnlyDictionary<string, double> metrics, string key) => metrics.TryGetValue(key, out var value) ? value : null;

    /// <summary>The same in percent, as text; empty if it was not measured.</summary>
    internal static string Percent(this IReadOnlyDictionary<string, double> metrics, string key) => metrics.Find(key) is { } value ? Readable.Percent(value) : "";
}
