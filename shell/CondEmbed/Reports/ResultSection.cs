using CondEmbed.Evaluation;

namespace CondEmbed.Reports;

/// <summary>Metrics before and after training: the two most important ones in large type, then all as a table with bars.</summary>
internal static class ResultSection
{
    public static Html Draw(RunReport report)
    {
        var rows = MetricTable.Rows(report.MetricsBefore, report.MetricsAfter);
        if (rows.Count == 0)
        {
            return Html.Of($"<p class=\"none\">No metrics were measured.</p>");
        }
        return Html.Of($"""
            {Verdict(report)}{Worse(report)}<div class="tiles">{rows.Where(row => row.Key is MetricNames.Recall1 or MetricNames.MapAtR).Select(Tile)}{HeldOut(report.Data)}</div>
            <div class="card scroll"><table><thead><tr><th>metric, %</th><th>before</th><th>after</th><th>change</th><td class="wide"></td></tr></thead>
            <tbody>
            {rows.Select(row => Row(row, report))}</tbody></table></div>
            <p class="note">Unconditional embeddings of {(report.Data.SharesClasses ? "new images of the training classes" : "classes that were never trained on")}, compared by cosine. Bar: after training; mark: before.</p>
            {Subset(report.Data)}
            """);
    }

    private static Html Verdict(RunReport report) =>
        MetricTable.Verdict(report.MetricsBefore, report.MetricsAfter, report.Data.SharesClasses ? "new images of the training classes" : "images of classes that the network was never trained on") is { } verdict
            ? Html.Of($"<p class=\"verdict\">{verdict}</p>\n")
            : Html.Empty;

    private static Html Worse(RunReport report) =>
        MetricTable.Worse(report.MetricsBefore, report.MetricsAfter) is { } warning ? Html.Of($"<p class=\"note\"><b>{warning}</b></p>\n") : Html.Empty;

    private static Html Subset(DataSummary data) =>
        data.Subset is null
            ? Html.Empty
            : Html.Of($"<p class=\"note\"><b>Measured on a subset</b>, so not comparable with published numbers: {data.Subset}.</p>\n");

    private static Html Tile(MetricRow row)
    {
        var large = row.After.Length > 0 ? row.After : row.Before;
        var note = row.Change.Length > 0
            ? Html.Of($"from {row.Before}, <span class=\"{Direction(row.Change)}\">{row.Change}</span> points")
            : Html.Of($"{(row.After.Length > 0 ? "after" : "before")} training");
        return Html.Of($"<div class=\"card tile\"><p class=\"name\">{row.Name}</p><p class=\"value\">{large}<small>%</small></p><p class=\"note\">{note}</p></div>");
    }

    private static Html HeldOut(DataSummary data) =>
        data.Parts.Count == 0
            ? Html.Empty
            : Html.Of($"""
                <div class="card tile"><p class="name">{(data.SharesClasses ? "Tested classes" : "Held-out classes")}</p><p class="value">{Readable.Count(data.Parts[^1].Classes)}</p><p class="note">{Readable.Count(data.Parts[^1].Images)} images, {data.Parts[^1].Name} part of {data.Name}</p></div>
                """);

    private static Html Row(MetricRow row, RunReport report) =>
        Html.Of($"<tr><th>{row.Name}</th><td>{row.Before}</td><td class=\"strong\">{row.After}</td><td class=\"{Direction(row.Change)}\">{row.Change}</td><td class=\"wide\">{Bar(row.Key, report)}</td></tr>\n");

    private static Html Bar(string key, RunReport report)
    {
        var marked = report.MetricsBefore.TryGetValue(key, out var before);
        var after = report.MetricsAfter.GetValueOrDefault(key);
        return Html.Of($"<div class=\"bar{(marked ? " marked" : "")}\" style=\"--before:{Length(before)};--after:{Length(after)}\"></div>");
    }

    private static string Length(double fraction) =>
        FormattableString.Invariant($"{100 * (double.IsFinite(fraction) ? Math.Clamp(fraction, 0, 1) : 0):0.##}%");

    private static string Direction(string change) =>
        change.StartsWith('+') ? "up" : change.StartsWith('-') ? "down" : "";
}
