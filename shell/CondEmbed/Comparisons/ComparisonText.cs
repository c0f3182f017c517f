using CondEmbed.Evaluation;

namespace CondEmbed.Comparisons;

/// <summary>A comparison as text.</summary>
internal static class ComparisonText
{
    internal static string Of(RunComparison comparison)
    {
        var text = new StringBuilder();
        Table(text, ["run", "steps", "best step", "Recall@1 %", "at best", "MAP@R %", "at best", "validation MAP@R %", "ms a step", "peak MB"], comparison.Runs.Select(Row));

        if (comparison.Settings.Count > 0)
        {
            text.Append('\n');
            Table(text, ["setting", .. comparison.Runs.Select(run => run.Name)], comparison.Settings.Select(setting => (string[])[setting.Key, .. setting.Values.Select(value => value ?? "-")]));
        }

        if (comparison.Classes.Count > 0)
        {
            text.Append('\n');
            Table(text, ["MAP@R by class, points", "gain [95 % over the classes]", "better", "worse"], comparison.Classes.Select(Row));
        }

        foreach (var published in comparison.Published)
        {
            text.Append('\n');
            if (published.Results.Count > 0)
            {
                text.Append($"On {published.Dataset}, beside what others published and nobody measured here:\n");
                Table(text, [.. PublishedComparison.Heads, "source"], published.Rows.Select(row => (string[])[.. row.Cells, row.Source?.Source ?? ""]));
            }

            text.Append(published.Words).Append('\n');
        }

        foreach (var warning in comparison.Warnings)
        {
            text.Append("\nWarning: ").Append(warning);
        }

        return text.Append('\n').Append(comparison.Caution).ToString();
    }

    private static string[] Row(ComparedRun run) =>
    [
        run.Name,
        run.IsImported ? "imported" : run.IsFinished ? $"{run.Step}" : $"{run.Step} of {run.Steps}",
        run.BestStep > 0 ? $"{run.BestStep}" : "",
        run.Last.Percent(MetricNames.Recall1),
        run.Best.Percent(MetricNames.Recall1),
        run.Last.Percent(MetricNames.MapAtR),
        run.Best.Percent(MetricNames.MapAtR),
        run.BestValidation(MetricNames.MapAtR) is { } value ? Readable.Percent(value) : "",
        run.SecondsPerStep is { } seconds ? Readable.Number(1000 * seconds, 3) : "",
        run.Cost is { } cost ? Readable.Count(cost.PeakMemory >> 20) : "",
    ];

    private static string[] Row(ClassDifference difference) =>
        [$"{difference.Run} - {difference.Reference}", Studies.StudyTables.Gain(difference.Estimate), $"{difference.Better}", $"{difference.Worse}"];

    private static void Table(StringBuilder text, string[] heads, IEnumerable<string[]> rows) =>
        text.AppendJoin('\n', TextTable.Lines([heads, .. rows])).Append('\n');
}
