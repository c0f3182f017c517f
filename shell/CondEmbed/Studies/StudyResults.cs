using CondEmbed.Reports;
using CondEmbed.Storage;

namespace CondEmbed.Studies;

/// <summary>An arm and its costs.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Changes">The settings that differ from what all arms have in common.</param>
/// <param name="SecondsPerStep">Seconds per training step, over its runs; null if no run recorded it.</param>
/// <param name="TimeRatio">The same as a ratio to the baseline's with the same seed.</param>
/// <param name="PeakMemory">Peak memory in bytes, over its runs; null if runs did not have their own processes.</param>
/// <param name="MemoryRatio">The same as a ratio to the baseline's with the same seed.</param>
/// <param name="TestParameters">Numbers in the parameters at test time.</param>
/// <param name="TrainingParameters">Numbers in the parameters while training.</param>
public sealed record StudyArmCost(
    string Name,
    IReadOnlyDictionary<string, string> Changes,
    Estimate? SecondsPerStep,
    Estimate? TimeRatio,
    Estimate? PeakMemory,
    Estimate? MemoryRatio,
    long TestParameters,
    long TrainingParameters);

/// <summary>The results of a study, so far or complete.</summary>
public sealed record StudyResults
{
    /// <summary>The study's name.</summary>
    public required string Name { get; init; }

    /// <summary>The arm that the others are compared with.</summary>
    public required string Baseline { get; init; }

    /// <summary>The metrics that are compared.</summary>
    public required IReadOnlyList<string> Metrics { get; init; }

    /// <summary>The settings that all arms have in common.</summary>
    public required IReadOnlyDictionary<string, string> Common { get; init; }

    /// <summary>The arms, the baseline among them, in the order of the study.</summary>
    public required IReadOnlyList<StudyArmCost> Arms { get; init; }

    /// <summary>What each arm gains over the baseline.</summary>
    public required IReadOnlyList<PairedDifference> Differences { get; init; }

    /// <summary>What arms gain over others that they are to be compared with, their controls; corrected apart from the comparisons with the baseline.</summary>
    public IReadOnlyList<PairedDifference> Controls { get; init; } = [];

    /// <summary>How the arms of a seed are not matched, in words; empty if all started from the same encoder and saw the same images.</summary>
    public required IReadOnlyList<string> Unmatched { get; init; }

    /// <summary>Runs that are still missing.</summary>
    public required IReadOnlyList<string> Missing { get; init; }

    /// <summary>How each arm did with each combination of settings, and which it took; empty where the study varies none.</summary>
    public IReadOnlyList<ArmTrial> Trials { get; init; } = [];

    /// <summary>The finished runs, of each arm those with the settings that it took.</summary>
    public required IReadOnlyList<StudyRun> Runs { get; init; }

    /// <summary>The machine and the versions.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>How many of the nearest were also re-ranked by the levels; 0 for none.</summary>
    public int Rerank { get; init; }

    /// <summary>The temperature of the cosine attention that re-ranked them too; 0 for none.</summary>
    public double RerankCosine { get; init; }

    /// <summary>The command that repeats the study.</summary>
    public string Command { get; init; } = "";

    /// <summary>What was measured, in order: <see cref="StudyMeasures"/> and further data sets.</summary>
    public IReadOnlyList<string> Measured => [.. Runs.SelectMany(run => run.Measured.Keys).Distinct()];

    /// <summary>Whether several arms are compared with the baseline, so that some gain may be luck, and <see cref="PairedDifference.Corrected"/> is shown.</summary>
    internal bool IsCorrected => Arms.Count > 2;

    /// <summary>The values of an arm, seed by seed, as fractions.</summary>
    public IReadOnlyList<double> ValuesOf(string arm, string measured, string metric) =>
        [.. Runs.Where(run => run.Arm == arm && run.Measured.GetValueOrDefault(measured)?.ContainsKey(metric) == true).Select(run => run.Measured[measured][metric])];

    internal static StudyResults Of(StudyPlan plan, IReadOnlyList<StudyJob> jobs, string command, bool ownProcesses, int atOnce)
    {
        StudyRun[] finished = [.. jobs.Where(job => job.IsFinished).Select(job => Read(plan, job))];
        var trials = StudyChoice.Of(plan, finished);
        var runs = StudyChoice.Chosen(trials, finished);

        return new StudyResults
        {
            Name = plan.Name,
            Baseline = plan.Baseline,
            Metrics = plan.Metrics,
            Common = TextOf(plan.Common),
            Arms = [.. plan.Arms.Select(arm => new ArmCosts(runs, plan.Baseline, ownProcesses).Of(arm.Name, TextOf(arm.Changes)))],
            Differences = PairedDifference.WithCorrection(Compared(plan, runs, arm => arm.Name == plan.Baseline ? [] : [plan.Baseline])),
            Controls = PairedDifference.WithCorrection(Compared(plan, runs, arm => arm.CompareWith)),
            Unmatched = [.. StudyMatching.Problems(plan, runs)],
            Missing = [.. jobs.Where(job => !job.IsFinished).Select(job => job.Name)],
            Trials = trials,
            Runs = runs,
            Environment = new Dictionary<string, string>
            {
                ["CondEmbed"] = About.Version,
                ["TorchSharp"] = typeof(TorchSharp.torch).Assembly.GetName().Version!.ToString(3),
                ["System"] = $"{RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}, {Readable.Counted(System.Environment.ProcessorCount, "core")}",
                ["Runs at once"] = FormattableString.Invariant($"{atOnce}"),
            },
            Rerank = plan.Rerank,
            RerankCosine = plan.RerankCosine,
            Command = command,
        };
    }

    /// <summary>A finished run, from its folder.</summary>
    internal static StudyRun Read(StudyPlan plan, StudyJob job)
    {
        var folder = new RunFolder(job.Folder);
        var metrics = MetricsFile.Read(folder.Metrics);
        var log = LogReader.Read(folder.Log);
        var measured = new Dictionary<string, IReadOnlyDictionary<string, double>>();
        Add(StudyMeasures.Validation, log.Validations.LastOrDefault(entry => entry.Step == metrics.BestStep)?.Metrics);
        Add(StudyMeasures.Chosen, metrics.Best);
        Add(StudyMeasures.Last, metrics.After);

        foreach (var (data, values) in MoreTests.Read(job))
        {
            Add(data, values);
        }

        if (plan.Rerank > 0 && job.Settings.Core.Levels == 0)
        {
            Add(StudyMeasures.Reranked(plan.Rerank), metrics.Best ?? metrics.After);
        }

        Add(StudyMeasures.Before, metrics.Before.Count > 0 ? metrics.Before : null);
        var cost = log.Entries.OfType<EndEntry>().Last().Cost;
        var curve = log.Validations
            .Select(entry => new CurvePoint(entry.Step, entry.Metrics.Where(pair => plan.Metrics.Contains(pair.Key)).ToDictionary()));
        return new StudyRun(job.Arm, job.Seed, metrics.Step, metrics.BestStep, measured, [.. curve], cost, metrics.Origin, metrics.Subset) { Trial = job.Trial };

        void Add(string name, IReadOnlyDictionary<string, double>? values)
        {
            if (values is not null)
            {
                measured[name] = values;
            }
        }
    }

    internal static Dictionary<string, string> TextOf(IReadOnlyList<Given> settings) =>
        settings.DistinctBy(given => given.Key).ToDictionary(given => given.Key, given => settings.Last(last => last.Key == given.Key).Value);

    private static IEnumerable<PairedDifference> Compared(StudyPlan plan, StudyRun[] runs, Func<StudyArm, IReadOnlyList<string>> others)
    {
        return from measured in runs.SelectMany(run => run.Measured.Keys).Distinct()
               where measured != StudyMeasures.Before
               from metric in plan.Metrics
               from arm in plan.Arms
               from other in others(arm)
               let both = StudyMatching.Pairs(other, runs).Where(pair => pair.Arm.Arm == arm.Name && Has(pair.Arm, measured, metric) && Has(pair.Baseline, measured, metric)).ToArray()
               where both.Length > 0
               let values = both.Select(pair => pair.Arm.Measured[measured][metric] - pair.Baseline.Measured[measured][metric]).ToArray()
               select new PairedDifference(arm.Name, measured, metric, [.. both.Select(pair => pair.Arm.Seed)], values, Estimate.Of(values)) { Against = other };

        static bool Has(StudyRun run, string measured, string metric) => run.Measured.GetValueOrDefault(measured)?.ContainsKey(metric) == true;
    }
}
