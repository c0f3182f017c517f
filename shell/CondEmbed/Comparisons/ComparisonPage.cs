using CondEmbed.Evaluation;
using CondEmbed.Reports;
using CondEmbed.Studies;

namespace CondEmbed.Comparisons;

/// <summary>A comparison as one self-contained HTML file.</summary>
internal static class ComparisonPage
{
    private const int MostCurves = 6;
    private const double Megabyte = 1 << 20;
    private const int MostMoved = 8;

    internal static void Write(RunComparison comparison, string path)
    {
        var title = $"{comparison.Runs.Count} runs";
        Page.Write(path, title, Html.Join(
        [
            Header(comparison, title),
            Page.Section("metrics", "Test classes", Metrics(comparison)),
            Page.Section("settings", "Settings that differ", Settings(comparison)),
            Page.Section("curves", "Training", Curves(comparison.Runs)),
            Page.Section("cost", "Cost", Cost(comparison.Runs)),
            comparison.Published.Count == 0 ? Html.Empty : Page.Section("published", "Beside published results", Html.Join(comparison.Published.Select(Published))),
            comparison.Classes.Count == 0 ? Html.Empty : Page.Section("classes", "Class by class", Html.Join(comparison.Classes.Select(Classes))),
            Page.Section("runs", "Runs", Html.Of($"<div class=\"card\">{Page.Facts(comparison.Runs.Select(run => new Fact(run.Name, $"{run.Folder}, {run.Dataset}, {Readable.Count(run.Step)} steps")))}</div>")),
        ]));
    }

    private static Html Header(RunComparison comparison, string title)
    {
        var classes = comparison.Classes.Count == 0 ? Html.Empty : Html.Of($"<a href=\"#classes\">Class by class</a>");
        var published = comparison.Published.Count == 0 ? Html.Empty : Html.Of($"<a href=\"#published\">Published</a>");
        var warnings = comparison.Warnings.Count == 0
            ? Html.Empty
            : Html.Of($"<ul class=\"card warnings\" style=\"margin-top:1rem\">{comparison.Warnings.Select(warning => Html.Of($"<li>{warning}</li>"))}</ul>");
        return Html.Of($"""
            <header><p class="brand">CondEmbed comparison</p>
            <h1>{title}</h1>
            <p class="meta">{comparison.Runs.Select(run => Html.Of($"<span>{run.Name}</span>"))}</p>
            <nav aria-label="Contents"><a href="#metrics">Test classes</a><a href="#settings">Settings</a><a href="#curves">Training</a><a href="#cost">Cost</a>{published}{classes}<a href="#runs">Runs</a></nav>
            {warnings}<p class="note" style="margin-top:1rem">{comparison.Caution}</p></header>

            """);
    }

    private static Html Metrics(RunComparison comparison)
    {
        (string Title, Func<ComparedRun, IReadOnlyDictionary<string, double>> Of)[] measured =
            [("before training", run => run.Before), ("best step on the validation classes", run => run.Best), ("last step", run => run.Last)];
        var groups = measured.Where(one => comparison.Runs.Any(run => one.Of(run).Count > 0)).ToArray();
        return groups.Length == 0
            ? Html.Of($"<p class=\"none\">Nothing was measured yet.</p>")
            : Html.Of($"""
                {groups.Select(group => MetricTable(comparison, group.Title, group.Of))}
                <p class="note">Per cent; unconditional embeddings of classes that were never trained on. {(AreComparable(comparison) ? "Bold: the highest of the row." : "No value is marked as the highest, since the runs were tested on different data.")}</p>
                """);
    }

    private static bool AreComparable(RunComparison comparison) => comparison.Runs.All(run => run.Data == comparison.Runs[0].Data);

    private static Html MetricTable(RunComparison comparison, string title, Func<ComparedRun, IReadOnlyDictionary<string, double>> of)
    {
        var isMarked = AreComparable(comparison);
        var rows = comparison.Metrics.Where(metric => comparison.Runs.Any(run => of(run).ContainsKey(metric))).Select(metric =>
        {
            var values = comparison.Runs.Select(run => of(run).Find(metric)).ToArray();
            var cells = values.Select(value => Html.Of($"<td class=\"{(isMarked && value is not null && value == values.Max() ? "strong" : "")}\">{(value is { } number ? Readable.Percent(number) : "")}</td>"));
            return Page.Row(MetricNames.Display(metric), cells);
        });
        return Html.Of($"<div class=\"group\"><h3>{title}</h3>{Page.Table(Names(comparison), rows)}</div>\n");
    }

    private static Html Settings(RunComparison comparison) => comparison.Settings.Count == 0
        ? Html.Of($"<p class=\"none\">All settings are the same.</p>")
        : Page.Table(Names(comparison), comparison.Settings.Select(setting => Page.Row(setting.Key, setting.Values.Select(value => value ?? "-"))));

    private static IEnumerable<string> Names(RunComparison comparison) => ["", .. comparison.Runs.Select(run => run.Name)];

    private static Html Curves(IReadOnlyList<ComparedRun> all)
    {
        // As many as have colours of their own.
        IReadOnlyList<ComparedRun> runs = [.. all.Take(MostCurves)];
        var rest = all.Count > MostCurves ? $" Curves of the first {MostCurves} of {all.Count} runs; the tables have all." : "";
        Chart[] charts =
        [
            .. new[] { MetricNames.MapAtR, MetricNames.Recall1 }.Select(metric => new Chart($"{MetricNames.Display(metric)}, validation classes", [.. runs.Select(run => ChartSeries.Of(run.Name, run.Validations, metric))]) { IsPercent = true }),
            new Chart("Loss", [.. runs.Select(run => ChartSeries.Of(run.Name, run.Log, step => step.Loss))]) { Smooth = true },
            new Chart("Learning rate", [.. runs.Select(run => ChartSeries.Of(run.Name, run.Log, step => step.LearningRate))]),
        ];
        return Html.Of($"""
            <div class="charts">{charts.Select(SvgChart.Draw)}</div>
            <p class="note">Losses compare only where they are the same loss; a level adds a term to it.{rest}</p>
            """);
    }

    private static Html Cost(IReadOnlyList<ComparedRun> runs)
    {
        var first = runs[0];
        var rows = runs.Select(run => Page.Row(run.Name,
        [
            run.SecondsPerStep is { } seconds ? Readable.Number(1000 * seconds, 4) : "",
            Ratio(run.SecondsPerStep, first.SecondsPerStep),
            run.Cost is { } cost ? Readable.Number(cost.PeakMemory / Megabyte, 4) : "",
            Ratio(run.Cost?.PeakMemory, first.Cost?.PeakMemory),
            Count(run.Cost?.TrainingParameters),
            Count(run.Cost?.TestParameters),
        ]));
        return Html.Of($"""
            {Page.Table(["", .. StudyCosts.Heads], rows)}<p class="note">Ratios to {first.Name}. Times compare only where nothing else ran on the machine.</p>
            """);

        static string Ratio(double? value, double? reference) => value / reference is { } ratio && double.IsFinite(ratio) ? FormattableString.Invariant($"{ratio:0.00}") : "";
        static string Count(long? count) => count is { } number ? Readable.Count(number) : "";
    }

    private static Html Published(PublishedComparison published)
    {
        var rows = published.Results.Count == 0 ? [] : published.Rows.Select(row => Html.Of($"<tr>{row.Cells.Select(cell => Html.Of($"<td>{cell}</td>"))}<td>{Source(row.Source)}</td></tr>\n"));
        return Html.Of($"""
            <div class="group"><h3>{published.Dataset}</h3>
            {(published.Results.Count == 0 ? Html.Empty : Html.Of($"<div class=\"card scroll\"><table><thead><tr>{PublishedComparison.Heads.Select(head => Html.Of($"<th>{head}</th>"))}<th>source</th></tr></thead><tbody>{rows}</tbody></table></div>"))}
            <p class="note">{(published.Results.Count == 0 ? "" : "Published results are as their sources give them; none was measured here. ")}{published.Words}</p></div>

            """);

        static Html Source(PublishedResult? result) => result is null ? Html.Empty : Html.Of($"<a href=\"{result.Address}\">{result.Source}</a>, {result.Place}");
    }

    private static Html Classes(ClassDifference difference)
    {
        var gained = difference.Classes.Where(one => one.Value > 0).Take(MostMoved);
        var lost = difference.Classes.Reverse().Where(one => one.Value < 0).Take(MostMoved);
        return Html.Of($"""
            <div class="group"><h3>{difference.Run} over {difference.Reference}</h3>
            <p class="note">MAP@R after the last step, class by class: {StudyTables.Gain(difference.Estimate)} points on average (95 % interval over the classes: what other classes might have shown, not what another seed might). {difference.Better} classes better, {difference.Worse} worse, of {difference.Classes.Count}.</p>
            <div class="pair"><div class="card"><h4>Gained most</h4>{List(gained)}</div><div class="card"><h4>Lost most</h4>{List(lost)}</div></div></div>

            """);

        static Html List(IEnumerable<KeyValuePair<string, double>> classes) =>
            Page.Facts(classes.Select(one => new Fact(one.Key, Readable.PercentChange(one.Value))));
    }
}
