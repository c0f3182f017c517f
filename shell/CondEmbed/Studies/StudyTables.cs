using CondEmbed.Evaluation;

namespace CondEmbed.Studies;

/// <summary>A study's results as JSON, as CSV, and as a table of text.</summary>
public static class StudyTables
{
    private const string Head = "arm,seed,measured,metric,value";

    /// <summary>Writes <c>study.json</c>, atomically.</summary>
    public static void WriteJson(StudyResults results, string path) =>
        AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, results, JsonStyle.Indented));

    /// <summary>Reads what <see cref="WriteJson"/> wrote.</summary>
    /// <exception cref="InputException">It is not such a file.</exception>
    public static StudyResults ReadJson(string path)
    {
        var results = JsonFile.Read<StudyResults>(path, "the results of a study", "Give the study.json in a study's folder.");
        return results with
        {
            // Older files have intervals without width where all seeds differ by the same.
            Differences = PairedDifference.WithCorrection(results.Differences),
            Controls = PairedDifference.WithCorrection(results.Controls),
        };
    }

    /// <summary>Whether a file was written by <see cref="WriteJson"/> in any version.</summary>
    internal static bool IsJson(string path)
    {
        try
        {
            return TextFile.ReadJson(path, root => root.ValueKind == JsonValueKind.Object && root.TryGetProperty("arms", out _));
        }
        catch (InputException)
        {
            return false;
        }
    }

    /// <summary>Whether a file was written by <see cref="WriteCsv"/>.</summary>
    internal static bool IsCsv(string path) => File.ReadLines(path).FirstOrDefault() == Head;

    /// <summary>Writes every measured number on its own line: arm, seed, what was measured, metric, value (a fraction). Atomically.</summary>
    public static void WriteCsv(StudyResults results, string path)
    {
        ArgumentNullException.ThrowIfNull(results);
        var lines = from run in results.Runs
                    from measured in run.Measured
                    from metric in measured.Value
                    select FormattableString.Invariant($"{run.Arm},{run.Seed},{DelimitedText.Quote(measured.Key, ',')},{metric.Key},{metric.Value:R}\n");
        AtomicFile.WriteText(path, $"{Head}\n{string.Concat(lines)}");
    }

    /// <summary>What each arm measured on average, and what it gains over the baseline, in percent, as aligned text; corrected where there are several arms.</summary>
    public static string Format(StudyResults results) =>
        string.Concat(Tables(results).Select(table => string.Join('\n', TextTable.Lines(table)) + "\n\n"));

    /// <summary>A line for each arm that had settings to choose from: how many, which it took, by what, and whether better ones may lie beyond those tried.</summary>
    public static IReadOnlyList<string> Choices(StudyResults results)
    {
        ArgumentNullException.ThrowIfNull(results);
        return
        [
            .. from trials in results.Trials.GroupBy(trial => trial.Arm)
               let best = trials.FirstOrDefault(trial => trial.IsChosen)
               let taken = best is null
                   ? "none is finished"
                   : $"{string.Join(", ", best.Settings.Select(pair => $"{pair.Key} = {pair.Value}"))} is best by the validation classes (MAP@R {Readable.Percent(best.Validation)}, {best.Seeds} {(best.Seeds == 1 ? "seed" : "seeds")})"
               select $"{trials.Key}: of {trials.Count()} settings, {taken}{string.Concat(best is null ? [] : AtEdge(best, [.. trials]))}",
        ];
    }

    /// <summary>The numbers of the chosen settings that are the smallest or the greatest that were tried; 0 has nothing below it.</summary>
    private static IEnumerable<string> AtEdge(ArmTrial best, IReadOnlyList<ArmTrial> trials) =>
        from key in best.Settings.Keys
        let tried = trials.Select(trial => Number(trial.Settings.GetValueOrDefault(key))).Distinct().Order().ToArray()
        where tried.Length > 1 && !double.IsNaN(tried[0])
        let chosen = Number(best.Settings[key])
        where (chosen == tried[0] && chosen != 0) || chosen == tried[^1]
        select FormattableString.Invariant($"; {key} = {chosen} is at the edge of what was tried ({tried[0]} to {tried[^1]}): a value beyond it may be better");

    private static double Number(string? text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : double.NaN;

    /// <summary>The same tables for LaTeX with its package booktabs, with captions that say what the numbers are and of how many seeds.</summary>
    public static string Latex(StudyResults results) =>
        "% Needs \\usepackage{booktabs} in the preamble.\n" + string.Join('\n', Tables(results).Select(table => LatexTable.Of(table, Caption(results))));

    private static string Caption(StudyResults results)
    {
        int[] seeds = [.. results.Runs.CountBy(run => run.Arm).Select(arm => arm.Value).Distinct().Order()];
        var count = seeds.Length == 0 ? "no seeds" : seeds is [1] ? "a single seed" : seeds.Length == 1 ? $"{seeds[0]} seeds" : $"{seeds[0]} to {seeds[^1]} seeds";
        var corrected = results.IsCorrected || results.Controls.Count > 0 ? "; by Holm: the interval and the p of the paired t-test after Holm's correction for the comparisons of a column" : "";
        return $"{results.Name}: means over {count}, in per cent. A gain is the mean of the differences with the same seed, in points, with its 95 % interval by Student's t in brackets{corrected}.";
    }

    /// <summary>For each thing that was measured a table with a row for each arm, and one with a row for each control of an arm.</summary>
    private static IEnumerable<string[][]> Tables(StudyResults results)
    {
        ArgumentNullException.ThrowIfNull(results);
        return results.Measured.Where(measured => measured != StudyMeasures.Before).SelectMany(measured => (string[][][])
        [
            [
                [measured + " (%)", .. results.Metrics.SelectMany(metric => Columns(MetricNames.Display(metric), "gain over " + results.Baseline, results.IsCorrected))],
                .. results.Arms.Select(arm => Row(results, arm.Name, measured)),
            ],
            .. OverControls(results, measured),
        ]);
    }

    private static string[][][] OverControls(StudyResults results, string measured)
    {
        var pairs = results.Controls.Where(one => one.Measured == measured).GroupBy(one => (one.Arm, one.Against)).ToArray();
        return pairs.Length == 0
            ? []
            :
            [
                [
                    [measured + ", over controls (%)", .. results.Metrics.SelectMany(metric => new[] { MetricNames.Display(metric) + " gain", "by Holm" })],
                    .. pairs.Select(pair => (string[])
                    [
                        $"{pair.Key.Arm} over {pair.Key.Against}",
                        .. results.Metrics.Select(metric => pair.FirstOrDefault(one => one.Metric == metric))
                            .SelectMany(one => one is null ? new[] { "", "" } : new[] { Gain(one.Estimate), Corrected(one) }),
                    ]),
                ],
            ];
    }

    /// <summary>A gain in points with its interval: "+0.81 [+0.20, +1.42]".</summary>
    internal static string Gain(Estimate estimate) => double.IsFinite(estimate.Low)
        ? $"{Readable.PercentChange(estimate.Mean)} [{Readable.PercentChange(estimate.Low)}, {Readable.PercentChange(estimate.High)}]"
        : Readable.PercentChange(estimate.Mean);

    /// <summary>The interval after the correction and the corrected p: "[-0.02, +1.64] p 0.056".</summary>
    internal static string Corrected(PairedDifference difference) => difference.Corrected is not { } estimate
        ? ""
        : FormattableString.Invariant($"[{Readable.PercentChange(estimate.Low)}, {Readable.PercentChange(estimate.High)}] p {(difference.HolmP < 0.001 ? "<" : "")}{Math.Max(0.001, difference.HolmP):0.000}");

    private static string[] Row(StudyResults results, string arm, string measured) =>
    [
        arm,
        .. results.Metrics.SelectMany(metric =>
        {
            var values = results.ValuesOf(arm, measured, metric);
            var difference = results.Differences.FirstOrDefault(one => one.Arm == arm && one.Measured == measured && one.Metric == metric);
            return Columns(
                values.Count == 0 ? "" : Readable.Percent(values.Average()),
                difference is null ? "" : Gain(difference.Estimate),
                results.IsCorrected,
                difference is null ? "" : Corrected(difference));
        }),
    ];

    private static IEnumerable<string> Columns(string value, string gain, bool isCorrected, string corrected = "by Holm") =>
        isCorrected ? [value, gain, corrected] : [value, gain];
}
