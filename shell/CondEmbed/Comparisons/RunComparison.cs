using System.Text.Json.Serialization;
using CondEmbed.Evaluation;

namespace CondEmbed.Comparisons;

/// <summary>Several runs side by side: their results, the settings in which they differ, their learning curves and costs.</summary>
public sealed class RunComparison
{
    private RunComparison(IReadOnlyList<ComparedRun> runs)
    {
        Runs = runs;
        Settings = SettingDifference.Of(runs);
        Warnings = [.. ComparisonWarnings.Of(runs)];
        Caution = ComparisonWarnings.Caution(runs);
        Published = PublishedComparison.Of(runs);
        Classes = [.. runs.Skip(1).Select(run => ClassDifference.Of(run, runs[0])).OfType<ClassDifference>()];
    }

    /// <summary>The runs, in the order given.</summary>
    public IReadOnlyList<ComparedRun> Runs { get; }

    /// <summary>The settings in which runs differ.</summary>
    public IReadOnlyList<SettingDifference> Settings { get; }

    /// <summary>Why some numbers are not comparable; empty if there is no known reason.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>What can be concluded from single runs.</summary>
    public string Caution { get; }

    /// <summary>What others published on the benchmark sets among the runs' data; empty if there is none.</summary>
    public IReadOnlyList<PublishedComparison> Published { get; }

    /// <summary>What the test classes of each further run gain over the first run's, if both were tested on the same.</summary>
    public IReadOnlyList<ClassDifference> Classes { get; }

    /// <summary>All metrics of the test classes, in the order to show them.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Metrics =>
        [.. Runs.Aggregate((IReadOnlyList<string>)[], (keys, run) => MetricNames.Order(keys.ToDictionary(key => key, _ => 0.0), run.Before))];

    /// <summary>Reads runs from their folders, including runs under way.</summary>
    /// <param name="folders">Folders of runs, at least one; the others are compared with the first.</param>
    /// <exception cref="InputException">One is not a run folder, is given twice, or contains a file that cannot be read.</exception>
    public static RunComparison Read(IEnumerable<string> folders)
    {
        string[] all = [.. folders];
        return all.Length == 0
            ? throw new InputException("No runs to compare: give at least one run folder.")
            : new RunComparison(RunReading.Of(all));
    }

    /// <summary>Writes a self-contained page; an existing file is replaced.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public void WriteHtml(string path) => ComparisonPage.Write(this, path);

    /// <summary>Writes every measured number on its own line: run, what was measured, step, metric, value (a fraction). Atomically.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public void WriteCsv(string path)
    {
        var lines = from run in Runs
                    from part in Measured(run)
                    from metric in part.Metrics
                    select FormattableString.Invariant($"{DelimitedText.Quote(run.Name, ',')},{DelimitedText.Quote(part.Name, ',')},{part.Step},{metric.Key},{metric.Value:R}\n");
        AtomicFile.WriteText(path, $"run,measured,step,metric,value\n{string.Concat(lines)}");

        static IEnumerable<(string Name, int Step, IReadOnlyDictionary<string, double> Metrics)> Measured(ComparedRun run) =>
        [
            ("test, untrained", 0, run.Before),
            ("test, best step", run.BestStep, run.Best),
            ("test, last step", run.Step, run.Last),
            .. run.Validations.Select(entry => ("validation", entry.Step, entry.Metrics)),
        ];
    }

    /// <summary>The comparison as aligned text, for a terminal.</summary>
    public string ToText() => ComparisonText.Of(this);
}
