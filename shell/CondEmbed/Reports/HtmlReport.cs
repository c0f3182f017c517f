using CondEmbed.Evaluation;

namespace CondEmbed.Reports;

/// <summary>Writes the report of a training run as one self-contained HTML file, which is readable without scripts.</summary>
public static class HtmlReport
{
    /// <summary>Writes the report, atomically; an existing file is replaced.</summary>
    /// <param name="report">What to show.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="ArgumentException">An image's type is not an image type.</exception>
    public static void Write(RunReport report, string path)
    {
        ArgumentNullException.ThrowIfNull(report);
        ReportPart[] parts = [.. Parts(report)];
        Page.Write(path, report.Title, Html.Join([Header(report, parts), .. parts.Select(part => Page.Section(part.Id, part.Title, part.Content))]));
    }

    /// <summary>The sections that have content, in order.</summary>
    private static IEnumerable<ReportPart> Parts(RunReport report)
    {
        yield return new("results", "Results", ResultSection.Draw(report));
        yield return new("curves", "Training", CurveSection.Draw(report));
        yield return new("neighbours", "Nearest neighbours", Neighbours(report.Retrieval));

        if (report.Map is not null)
        {
            yield return new("map", "Map of the embeddings", MapSection.Draw(report.Map));
        }

        if (report.Confusion is not null)
        {
            yield return new("confusion", "Taken for each other", ConfusionSection.Draw(report.Confusion));
        }

        if (report.Classes.Count > 0)
        {
            yield return new("classes", "Classes", ClassSection.Draw(report.Classes));
        }

        if (report.AttentionFigures.Count > 0)
        {
            yield return new("looks", "Where images look", AttentionFigureSection.Draw(report.AttentionFigures));
        }

        yield return new("settings", "Settings", Settings(report.Settings));
        yield return new("data", "Data", DataSection.Draw(report.Data));
        yield return new("environment", "Environment", Html.Of($"<div class=\"card\">{Page.Facts(report.Environment)}</div>"));
        yield return new("command", "Repeat this run", RepeatSection.Draw(report));
    }

    private static Html Header(RunReport report, IReadOnlyList<ReportPart> parts)
    {
        var steps = report.Steps.Count == 0 ? 0 : report.Steps[^1].Step;
        string[] facts =
        [
            report.Data.Name,
            steps > 0 ? $"{Readable.Count(steps)} steps" : "",
            report.Duration > TimeSpan.Zero ? Readable.Duration(report.Duration) : "",
            report.Steps.Count > 0 ? $"{Readable.Count((long)RunLog.MedianPace(report.Steps))} images/s" : "",
            report.Finished is { } end ? FormattableString.Invariant($"{end:yyyy-MM-dd HH:mm} UTC{end:zzz}").Replace("UTC+00:00", "UTC") : "",
        ];
        return Html.Of($"""
            <header><p class="brand">CondEmbed training report</p>
            <h1>{report.Title}</h1>
            <p class="meta">{facts.Where(fact => fact.Length > 0).Select(fact => Html.Of($"<span>{fact}</span>"))}</p>
            <nav aria-label="Contents">{parts.Select(part => Html.Of($"<a href=\"#{part.Id}\">{part.Title}</a>"))}</nav></header>

            """);
    }

    private static Html Neighbours(IReadOnlyList<RetrievalGroup> groups) =>
        groups.Count == 0
            ? Html.Of($"<p class=\"none\">No queries were kept.</p>")
            : Html.Join(groups.Select(group => Html.Of($"""
                <div class="group"><h3>{group.Title}</h3><p class="note">{group.Note}</p>
                {RetrievalGrid.Draw(group.Rows)}</div>

                """)));

    private static Html Settings(IReadOnlyList<ReportSetting> settings)
    {
        var changed = settings.Where(setting => !setting.IsDefault).ToList();
        var first = changed.Count == 0 ? Html.Of($"<p class=\"none\">All settings have their defaults.</p>") : List(changed);
        return Html.Of($"""
            <div class="card">{first}
            <details><summary>All {settings.Count} settings</summary>{List(settings)}</details></div>
            """);

        static Html List(IEnumerable<ReportSetting> settings) => Page.Facts(settings.Select(setting => new Fact(setting.Key, setting.Value)));
    }

    private sealed record ReportPart(string Id, string Title, Html Content);
}
