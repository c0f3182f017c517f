using CondEmbed.Common;
using CondEmbed.Runs;
using CondEmbed.Interop;
using CondEmbed.Reports;

namespace CondEmbed.Studies;

/// <summary>
/// Matched runs of several arms, and what they differ by. With one seed all arms begin with the same encoder and see the same batches in the same
/// augmentation, unless their settings say otherwise; that is checked, and stands in the results. A study that was stopped or killed goes on with what is missing.
/// </summary>
public sealed class Study
{
    private readonly string root;

    /// <summary>A study in a folder, new or begun before.</summary>
    /// <param name="plan">What is compared.</param>
    /// <param name="folder">Where its runs and results are kept.</param>
    /// <exception cref="InputException">The folder holds runs with other settings.</exception>
    public Study(StudyPlan plan, string folder)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(folder);
        Plan = plan.Checked();
        root = Path.GetFullPath(folder);
        // Seed by seed, so that what is there can be compared early on.
        Jobs =
        [
            .. from seed in plan.Seeds
               from arm in plan.Arms
               select new StudyJob(arm.Name, seed, plan.SettingsOf(arm, seed), Path.Combine(root, arm.Name, FormattableString.Invariant($"seed-{seed}"))),
        ];
    }

    /// <summary>What is compared.</summary>
    public StudyPlan Plan { get; }

    /// <summary>All runs, seed by seed.</summary>
    public IReadOnlyList<StudyJob> Jobs { get; }

    /// <summary>Threads of torch for each run where the settings leave them open; 0 for one a core.</summary>
    public int Threads { get; init; }

    /// <summary>Carries out a run; by default in this process.</summary>
    public StudyRunner Runner { get; init; } = StudyRunners.InThisProcess;

    /// <summary>How many runs at once; more than one only where each has its own process.</summary>
    public int AtOnce { get; init; } = 1;

    /// <summary>The command that the report shows.</summary>
    public string Command { get; init; } = "";

    /// <summary>Called with lines for people, one thread at a time.</summary>
    public Action<string>? Notice { get; init; }

    /// <summary>The results as JSON.</summary>
    public string ResultsFile => Path.Combine(root, "study.json");

    /// <summary>Every measured number, one a line.</summary>
    public string TableFile => Path.Combine(root, "study.csv");

    /// <summary>The report for people.</summary>
    public string ReportFile => Path.Combine(root, "study.html");

    /// <summary>Carries out what is missing and writes the results, after each run anew.</summary>
    /// <param name="progress">Told of the training steps of all runs, and in its detail of the arm, seed and phase of each run under way.</param>
    /// <param name="cancellation">Stops the runs under way, which save where they are.</param>
    /// <exception cref="InputException">Settings or data are not as they must be.</exception>
    /// <exception cref="OperationCanceledException">Stopped; begin it again to go on.</exception>
    public StudyResults Run(IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    {
        if (AtOnce > 1 && Runner == StudyRunners.InThisProcess)
        {
            throw new InputException("Several runs at once need a process each: give the study a runner by StudyRunners.InProcesses.");
        }

        DemandOwnFiles();

        foreach (var job in Jobs)
        {
            job.Prepare();
        }

        DemandData();

        AtomicFile.MakeFolder(root);
        using (var told = new StudyProgress(Jobs, progress))
        {
            new StudyQueue(this, told).Work(cancellation);
        }

        return Report();
    }

    /// <summary>
    /// Sees to it that what is missing can be trained and tested: that the data of each arm can be divided and makes its batches, and that further data has
    /// something to tell apart.
    /// </summary>
    private void DemandData()
    {
        foreach (var job in Jobs.Where(job => !job.IsFinished).DistinctBy(job => job.Arm))
        {
            _ = RunSampler.Of(job.Settings, RunData.Open(job.Settings));
        }

        foreach (var data in Plan.TestOn)
        {
            _ = MoreTests.Open(data);
        }
    }

    /// <summary>Writes the results of what is there, and runs nothing.</summary>
    /// <exception cref="InputException">There is no such folder.</exception>
    public StudyResults Report()
    {
        if (!Directory.Exists(root))
        {
            throw new InputException($"{root}: no study was begun there; {Wording.Of("call Run", "leave out --report-only")} to begin it.");
        }

        DemandOwnFiles();
        var results = StudyResults.Of(Plan, Jobs, Command, Runner != StudyRunners.InThisProcess, AtOnce);
        using var files = AtomicFiles.Together();
        StudyTables.WriteJson(results, ResultsFile);
        StudyTables.WriteCsv(results, TableFile);
        StudyReport.Write(results, ReportFile);
        files.Commit();
        return results;
    }

    /// <summary>What the results will replace must be results.</summary>
    private void DemandOwnFiles()
    {
        string[] others =
        [
            .. new (string File, Func<string, bool> IsOwn)[]
            {
                (ResultsFile, StudyTables.IsJson), (TableFile, StudyTables.IsCsv), (ReportFile, StudyReport.IsReport),
            }.Where(result => Path.Exists(result.File) && !(File.Exists(result.File) && result.IsOwn(result.File))).Select(result => result.File),
        ];

        if (others.Length > 0)
        {
            throw new InputException($"{string.Join(", ", others)}: was not written by a study, and the results would replace it. Move it away, or give the study another {Wording.Of("folder", "--out")}.");
        }
    }

    /// <summary>The job with the threads that are its share of the machine.</summary>
    internal StudyJob Shared(StudyJob job) => job.Settings.Threads != 0 || Threads == 0
        ? job
        : job with { Settings = RunSettings.With(job.Settings, settings => settings.Threads = Threads) };
}
