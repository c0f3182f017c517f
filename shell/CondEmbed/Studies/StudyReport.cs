using CondEmbed.Evaluation;
using CondEmbed.Reports;

namespace CondEmbed.Studies;

/// <summary>Writes a study's results as one self-contained HTML file.</summary>
public static class StudyReport
{
    private const string Brand = "CondEmbed study";

    /// <summary>Writes the report, atomically; an existing file is replaced.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Write(StudyResults results, string path)
    {
        ArgumentNullException.ThrowIfNull(results);
        Page.Write(path, results.Name, Html.Join(
        [
            Header(results),
            Page.Section("gains", $"Gain over {results.Baseline}", Gains(results)),
            Page.Section("values", "What was measured", Html.Of($"{Shown(results).Select(measured => ValueTable(results, measured))}{HolmNote(results)}{RerankNote(results)}")),
            results.Trials.Count == 0 ? Html.Empty : Page.Section("trials", "Settings tried", Trials(results)),
            Page.Section("curves", "Validation classes over the steps", StudyCurves.Draw(results)),
            Page.Section("cost", "Cost", StudyCosts.Draw(results)),
            Page.Section("matching", "Matching", Matching(results)),
            Page.Section("seeds", "Every run", Runs(results)),
            Page.Section("settings", "Settings", Settings(results)),
            Page.Section("command", "Repeat this study", Html.Of($"<div class=\"card\"><pre>{results.Command}</pre></div>")),
        ]));
    }

    /// <summary>Whether a file is such a report.</summary>
    internal static bool IsReport(string path) => File.ReadLines(path).Any(line => line.Contains(Brand, StringComparison.Ordinal));

    private static IEnumerable<string> Shown(StudyResults results) => results.Measured.Where(measured => measured != StudyMeasures.Before);

    private static Html Header(StudyResults results)
    {
        var seeds = results.Runs.Select(run => run.Seed).Distinct().Count();
        var missing = results.Missing.Count == 0 ? "" : $"{Readable.Counted(results.Missing.Count, "run")} missing";
        var subset = results.Runs.Select(run => run.Subset).FirstOrDefault(subset => subset is not null);
        var trials = results.Trials.Count == 0 ? "" : $"{results.Trials.CountBy(trial => trial.Arm).Max(arm => arm.Value)} settings";
        var runs = results.Trials.Count == 0 ? results.Runs.Count : results.Trials.Sum(trial => trial.Seeds);
        string[] facts = [Readable.Counted(results.Arms.Count, "arm"), trials, Readable.Counted(seeds, "seed"), Readable.Counted(runs, "run"), missing];
        return Html.Of($"""
            <header><p class="brand">{Brand}</p>
            <h1>{results.Name}</h1>
            <p class="meta">{facts.Where(fact => fact.Length > 0).Select(fact => Html.Of($"<span>{fact}</span>"))}</p>
            {(subset is null ? Html.Empty : Html.Of($"<p class=\"note\"><b>Measured on a subset</b>, so not comparable with published numbers: {subset}.</p>"))}
            <nav><a href="#gains">Gains</a><a href="#values">Values</a>{(results.Trials.Count == 0 ? Html.Empty : Html.Of($"<a href=\"#trials\">Settings tried</a>"))}<a href="#curves">Curves</a><a href="#cost">Cost</a><a href="#matching">Matching</a><a href="#seeds">Runs</a><a href="#settings">Settings</a><a href="#command">Command</a></nav></header>

            """);
    }

    private static Html Gains(StudyResults results)
    {
        var charts = from measured in Shown(results)
                     from metric in results.Metrics
                     let rows = results.Differences.Where(one => one.Measured == measured && one.Metric == metric).ToArray()
                     where rows.Length > 0
                     select SvgIntervals.Draw($"{MetricNames.Display(metric)}, {measured}", rows);
        var sentences = StudyVerdict.Sentences(results).Select(sentence => Html.Of($"<li>{sentence}</li>"));
        return Html.Of($"""
            <ul class="verdict">{sentences}</ul>
            <div class="charts">{charts}</div>
            <p class="note">Percentage points, arm minus {results.Baseline} with the same seed: mean over the seeds and its 95 % interval (Student's t). Unconditional embeddings,
            classes that were never trained on. "{StudyMeasures.Validation}" is the best step on the validation classes, by which settings may be chosen; "{StudyMeasures.Chosen}" is the test at that step. The sentences are about it{(results.IsCorrected ? "; they and the colours are after Holm's correction" : "")}.</p>

            """);
    }

    private static Html ValueTable(StudyResults results, string measured)
    {
        var heads = results.Metrics.SelectMany(metric => new[] { MetricNames.Display(metric), "gain [95 % interval]" });
        var rows = results.Arms.Select(arm => Page.Row(arm.Name, results.Metrics.Select(metric => Cells(results, arm.Name, measured, metric))));
        return Html.Of($"<div class=\"group\"><h3>{measured}</h3>{Page.Table(["arm", .. heads], rows)}</div>\n{OverControls(results, measured)}");
    }

    private static Html OverControls(StudyResults results, string measured)
    {
        var pairs = results.Controls.Where(one => one.Measured == measured).GroupBy(one => (one.Arm, one.Against)).ToArray();
        var heads = results.Metrics.Select(metric => $"{MetricNames.Display(metric)} gain [95 % interval]");
        var rows = pairs.Select(pair =>
            Page.Row($"{pair.Key.Arm} over {pair.Key.Against}", results.Metrics.Select(metric => Gained(pair.FirstOrDefault(one => one.Metric == metric), isCorrected: true))));
        return pairs.Length == 0 ? Html.Empty : Html.Of($"<div class=\"group\"><h3>{measured}, over controls</h3>{Page.Table(["arms", .. heads], rows)}</div>\n");
    }

    /// <summary>A gain in a cell, and below it the corrected interval, where there is more than one comparison to correct for, and how many seeds gained.</summary>
    private static Html Gained(PairedDifference? difference, bool isCorrected)
    {
        if (difference is null)
        {
            return Html.Of($"<td></td>");
        }

        var corrected = difference.Corrected is null || !isCorrected ? "" : $"by Holm {StudyTables.Corrected(difference)}; ";
        var seeds = $"{difference.Values.Count(value => value > 0)} of {difference.Values.Count} seeds better";
        return Html.Of($"<td><span class=\"{Kind(difference)}\">{StudyTables.Gain(difference.Estimate)}</span><small class=\"below\">{corrected}{seeds}</small></td>");
    }

    private static string Kind(PairedDifference difference) => difference.Deciding.IsGain ? "up" : difference.Deciding.IsLoss ? "down" : "";

    private static Html HolmNote(StudyResults results) => !results.IsCorrected
        ? Html.Empty
        : Html.Of($"<p class=\"note\">By Holm: the interval and the p of the paired t-test, corrected for the {results.Arms.Count - 1} comparisons of a column (Holm 1979). With many arms some plain interval excludes zero by luck; a corrected one seldom does.</p>\n");

    private static Html RerankNote(StudyResults results)
    {
        if (results.Rerank == 0)
        {
            return Html.Empty;
        }

        var byLevels = Html.Of($"<p class=\"note\">Re-ranked: the {results.Rerank} nearest in the order of the levels' similarities, which took {Took(StudyMeasures.Reranked(results.Rerank))}. An arm without levels keeps its order.</p>\n");
        return results.RerankCosine == 0
            ? byLevels
            : Html.Of($"{byLevels}<p class=\"note\">By cosine attention, which has no parameters, it took {Took(StudyMeasures.RerankedByCosine(results.Rerank, results.RerankCosine))}.</p>\n");

        string Took(string measured) => string.Join(
            ", ",
            results.Arms.Select(arm => (arm.Name, Ms: results.ValuesOf(arm.Name, measured, StudyMeasures.RerankingTime)))
                .Where(arm => arm.Ms.Count > 0)
                .Select(arm => $"{Readable.Number(arm.Ms.Average(), 3)} ms a query for {arm.Name}"));
    }

    private static Html Cells(StudyResults results, string arm, string measured, string metric)
    {
        var values = results.ValuesOf(arm, measured, metric);
        var mean = values.Count == 0 ? "" : Readable.Percent(values.Average());
        var difference = results.Differences.FirstOrDefault(one => one.Arm == arm && one.Measured == measured && one.Metric == metric);

        return Html.Of($"<td class=\"strong\">{mean}</td>{Gained(difference, results.IsCorrected)}");
    }

    private static Html Matching(StudyResults results)
    {
        var verdict = results.Differences.Count == 0
            ? Html.Of($"<p>Nothing is compared: no other arm has a finished run with a seed of {results.Baseline}'s.</p>")
            : results.Unmatched.Count == 0
            ? Html.Of($"<p>With each seed all arms started from the same encoder and head, and saw the same images in the same batches and the same augmentation: their SHA-256 sums are equal.</p>")
            : Html.Of($"<ul>{results.Unmatched.Select(problem => Html.Of($"<li class=\"warning\">{problem}</li>"))}</ul>");
        return Html.Of($"<div class=\"card\">{verdict}{Page.Facts(results.Environment.Select(pair => new Fact(pair.Key, pair.Value)))}</div>");
    }

    private static Html Runs(StudyResults results)
    {
        var measured = Shown(results).ToArray();
        var heads = measured.SelectMany(_ => results.Metrics.Select(metric => Html.Of($"<th>{MetricNames.Display(metric)}</th>")));
        var groups = measured.Select(name => Html.Of($"<th colspan=\"{results.Metrics.Count}\">{name}</th>"));
        var rows = results.Runs.Select(run => Html.Of($"<tr><th>{run.Arm}</th><td>{run.Seed}</td><td>{run.BestStep}</td>{measured.SelectMany(name => results.Metrics.Select(metric => Value(run, name, metric)))}</tr>\n"));
        return Html.Of($"""
            <div class="card scroll"><table><thead><tr><th></th><th></th><th></th>{groups}</tr><tr><th>arm</th><th>seed</th><th>best step</th>{heads}</tr></thead><tbody>
            {rows}</tbody></table></div>
            """);
    }

    private static Html Value(StudyRun run, string measured, string metric) =>
        Html.Of($"<td>{run.Measured.GetValueOrDefault(measured)?.Percent(metric)}</td>");

    private static Html Trials(StudyResults results)
    {
        var keys = results.Trials.SelectMany(trial => trial.Settings.Keys).Distinct().ToArray();
        var rows = results.Trials.Select(trial => Page.Row(trial.Arm,
        [
            .. keys.Select(key => Html.Of($"<td>{trial.Settings.GetValueOrDefault(key, "")}</td>")),
            Html.Of($"<td>{trial.Seeds}</td><td class=\"strong\">{Readable.Percent(trial.Validation)}</td><td>{(trial.IsChosen ? "taken" : "")}</td>"),
        ]));
        return Html.Of($"""
            <div class="card">{StudyTables.Choices(results).Select(line => Html.Of($"<p>{line}.</p>"))}</div>
            {Page.Table(["arm", .. keys, "seeds", "validation MAP@R", ""], rows)}<p class="note">Each arm was run with the same settings, and takes those whose validation classes have the best MAP@R at their best step, the mean over the seeds. All else on this page is of these runs.</p>
            """);
    }

    private static Html Settings(StudyResults results)
    {
        var arms = results.Arms.Select(arm => new Fact(
            arm.Name, arm.Changes.Count == 0 ? "as is" : string.Join("; ", arm.Changes.Select(change => $"{change.Key} = {change.Value}"))));
        return Html.Of($"""
            <div class="card"><h3>Of all arms</h3>{Page.Facts(results.Common.Select(pair => new Fact(pair.Key, pair.Value)))}</div>
            <div class="card"><h3>Of each arm</h3>{Page.Facts(arms)}</div>
            """);
    }
}
