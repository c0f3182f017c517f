namespace CondEmbed.Reports;

/// <summary>Writes the report of a training run as one HTML file that needs nothing else: no host, no folder, no script.</summary>
public static class HtmlReport
{
    /// <summary>Writes the report, atomically; an existing file is replaced.</summary>
    /// <param name="report">What to show.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="ArgumentException">A picture does not have the type of a picture.</exception>
    public static void Write(RunReport report, string path)
    {
        ArgumentNullException.ThrowIfNull(report);
        Page.Write(path, report.Title, Html.Join(
        [
            Header(report),
            Page.Section("results", "Results", ResultSection.Draw(report)),
            Page.Section("curves", "Training", CurveSection.Draw(report)),
            Page.Section("neighbours", "Nearest neighbours", Neighbours(report.Retrieval)),
            report.Looks.Count == 0 ? Html.Empty : Page.Section("looks", "Where images look", LookSection.Draw(report.Looks)),
            Page.Section("settings", "Settings", Settings(report.Settings)),
            Html.Of($"<div class=\"pair\">{Page.Section("data", "Data", Data(report.Data))}{Page.Section("environment", "Environment", Environment(report))}</div>"),
            Page.Section("command", "Repeat this run", Html.Of($"<div class=\"card\"><pre>{report.Command}</pre></div>")),
        ]));
    }

    private static Html Header(RunReport report)
    {
        var steps = report.Steps.Count == 0 ? 0 : report.Steps[^1].Step;
        string[] facts =
        [
            report.Data.Name,
            steps > 0 ? $"{Human.Count(steps)} steps" : "",
            report.Duration > TimeSpan.Zero ? Human.Duration(report.Duration) : "",
            report.Steps.Count > 0 ? $"{Human.Count((long)MedianPace(report.Steps))} images/s" : "",
            report.Finished is { } end ? FormattableString.Invariant($"{end:yyyy-MM-dd HH:mm} UTC{end:zzz}").Replace("UTC+00:00", "UTC") : "",
        ];
        var looks = report.Looks.Count == 0 ? Html.Empty : Html.Of($"<a href=\"#looks\">Where images look</a>");
        return Html.Of($"""
            <header><p class="brand">CondEmbed training report</p>
            <h1>{report.Title}</h1>
            <p class="meta">{facts.Where(fact => fact.Length > 0).Select(fact => Html.Of($"<span>{fact}</span>"))}</p>
            <nav><a href="#results">Results</a><a href="#curves">Training</a><a href="#neighbours">Nearest neighbours</a>{looks}<a href="#settings">Settings</a><a href="#data">Data</a><a href="#environment">Environment</a><a href="#command">Command</a></nav></header>

            """);
    }

    /// <summary>The median: evaluations and a cold start slow single entries.</summary>
    private static double MedianPace(IReadOnlyList<StepEntry> steps)
    {
        var paces = steps.Select(step => step.ImagesPerSecond).Where(double.IsFinite).Order().ToArray();
        return paces.Length == 0 ? 0 : paces[paces.Length / 2];
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

    private static Html Data(DataSummary data)
    {
        var rows = data.Parts.Select(part =>
            Html.Of($"<tr><th>{part.Name}</th><td>{Human.Count(part.Classes)}</td><td>{Human.Count(part.Images)}</td></tr>"));
        var subset = data.Subset is null ? Html.Empty : Html.Of($"<p class=\"note\">A subset: {data.Subset}.</p>");
        var note = data.Note is null ? Html.Empty : Html.Of($"<p class=\"note\">{data.Note}</p>");
        return Html.Of($"""
            <div class="card"><table><thead><tr><th>{data.Name}</th><th>classes</th><th>images</th></tr></thead><tbody>{rows}</tbody></table>{subset}{note}</div>
            """);
    }

    private static Html Environment(RunReport report) => Html.Of($"<div class=\"card\">{Page.Facts(report.Environment)}</div>");
}
