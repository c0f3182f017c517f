using CondEmbed.Evaluation;

namespace CondEmbed.Reports;

/// <summary>The classes as a table, worst first. With scripts its columns can be sorted, and a long table can be searched.</summary>
internal static class ClassSection
{
    /// <summary>More rows make the page heavy, and nobody reads them.</summary>
    private const int MostRows = 400;

    private const string RPrecision = "r_precision";

    private static readonly string[] Shown = [MetricNames.Recall1, RPrecision, MetricNames.MapAtR];

    public static Html Draw(IReadOnlyList<ReportClass> classes)
    {
        var metrics = Shown.Where(key => classes.Any(one => one.Values.ContainsKey(key))).ToArray();
        var heads = metrics.Select(key => Html.Of($"<th class=\"{Weight(key)}\">{MetricNames.Display(key)}, %</th>"));
        var left = classes.Count > MostRows ? $" These are the {MostRows} worst of {Readable.Count(classes.Count)} classes; classes.csv in the run folder has all of them." : "";
        return Html.Of($"""
            <div class="card long"><table class="sortable"><thead><tr><th>class</th><th class="extra">queries</th>{heads}<th>most often taken for</th></tr></thead><tbody>
            {classes.Take(MostRows).Select(one => Row(one, metrics))}</tbody></table></div>
            <p class="note">Worst first, by MAP@R. The last column names the other class that its queries found first most often, and how many did.{left}</p>
            """);
    }

    private static Html Row(ReportClass one, string[] metrics)
    {
        var values = metrics.Select(key => Html.Of($"<td class=\"{Weight(key)}\">{one.Values.Percent(key)}</td>"));
        var taken = one.TakenFor is null ? Html.Of($"<td></td>") : Html.Of($"<td>{one.TakenFor} <small>{one.TakenCount}</small></td>");
        return Html.Of($"<tr><th>{one.Name}</th><td class=\"extra\">{one.Queries}</td>{values}{taken}</tr>\n");
    }

    /// <summary>Left out on a phone, since the other columns say nearly the same.</summary>
    private static string Weight(string key) => key == RPrecision ? "extra" : "";
}
