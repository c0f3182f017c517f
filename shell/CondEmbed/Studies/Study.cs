using CondEmbed.Reports;
using CondEmbed.Runs;
using CondEmbed.Storage;

namespace CondEmbed.Studies;

/// <summary>
/// Matched runs of several arms, and their differences. With the same seed all arms start from the same encoder and see the same batches with the same
/// augmentation, unless their settings say otherwise; this is checked and recorded in the results. A study that was stopped or killed continues with what is missing.
/// </summary>
public sealed class Study
{
    private readonly string root;

    /// <summary>Opens a study in a folder, new or started before.</summary>
    /// <param name="plan">What is compared.</param>
    /// <param name="folder">Where its runs and results are kept.</param>
    /// <exception cref="InputException">The folder contains runs with other settings.</exception>
    public Study(StudyPlan plan, string folder)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(folder);
        Plan = plan.Checked();
        root = Path.GetFullPath(folder);
        // Seed by seed, so that the finished runs can be compared early.
        Jobs =
        [
            .. from seed in plan.Seeds
               from arm in plan.Arms
               from trial in plan.Trials
               let place = Path.Combine(root, arm.Name, trial.Name, FormattableString.Invariant($"seed-{seed}"))
               select new StudyJob(arm.Name, seed, plan.SettingsOf(arm, seed, trial), place) { Trial = trial.Name },
        ];
    }

    /// <summary>What is compared.</summary>
    public StudyPlan Plan { get; }

    /// <summary>All runs, seed by seed.</summary>
    public IReadOnlyList<StudyJob> Jobs { get; }

    /// <summary>Threads of torch for each run if the settings do not say; 0 for one per core.</summary>
    public int Threads { get; init; }

    /// <summary>Carries out a run; by default in this process.</summary>
    public StudyRunner Runner { get; init; } = StudyRunners.InThisProcess;

    /// <summary>How many runs at once; more than one only if each has its own process.</summary>
    public int AtOnce { get; init; } = 1;

    /// <summary>The command that the report shows.</summary>
    public string Command { get; init; } = "";

    /// <summary>Called with notices, one thread at a time.</summary>
    public Action<string>? Notice { get; init; }

    /// <summary>The results as JSON.</summary>
    public string ResultsFile => Path.Combine(root, "study.json");

    /// <summary>Every measured number, one a line.</summary>
    public string TableFile => Path.Combine(root, "study.csv");

    /// <summary>The HTML report.</summary>
    public string ReportFile => Path.Combine(root, "study.html");

    /// <summary>Carries out the missing runs and rewrites the results after each.</summary>
    /// <param name="progress">Receives the training steps of all runs and, in the detail, the arm, seed and phase of each run under way.</param>
    /// <param name="cancellationToken">Stops the runs under way, which save their state.</param>
    /// <exception cref="InputException">Settings or data are unsuitable, or another program is working on this study.</exception>
    /// <exception cref="StudyStoppedException">Stopped; start it again to continue.</exception>
    public StudyResults Run(IProgress<RunProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (AtOnce > 1 && Runner == StudyRunners.InThisProcess)
        {
            throw new InputException("Several runs at once need a process each: give the study the runner StudyRunners.InProcesses.");
        }

        using var alone = new FolderLock(root, () => new InputException(
            $"{root}: another program is working on this study; wait until it has ended, or give the study another {Wording.Of("folder", "--out")}."));
        DemandOwnFiles();

        foreach (var job in Jobs)
        {
            job.Prepare(key => Plan.PlaceOf(job, key));
        }

        Check();

        using (var told = new StudyProgress(Jobs, progress))
        {
            try
            {
                new StudyQueue(this, told).Work(cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                throw new StudyStoppedException(Jobs.Count(job => job.IsFinished), Jobs.Count, cancellationToken);
            }
        }

        return Report();
    }

    /// <summary>
    /// Checks that the missing runs can be trained and tested: that the data of each arm can be divided and fills its batches, that the metrics to compare by are measured, and that
    /// further data has more than one class. Settings are chosen by validation classes, so then there must be some. Notices tell of what is seldom meant.
    /// </summary>
    /// <exception cref="InputException">Some cannot; everything that is wrong.</exception>
    public void Check() =>
        StudyChecks.Of(Plan, Jobs.Where(job => !job.IsFinished).DistinctBy(job => (job.Arm, job.Trial)).Select(job => job.Settings), Notice, passesOver: false);

    /// <summary>Writes the results so far without running anything.</summary>
    /// <exception cref="InputException">The folder does not exist.</exception>
    public StudyResults Report()
    {
        if (!Directory.Exists(root))
        {
            throw new InputException($"{root}: no study was started there; {Wording.Of("call Run", "leave out --report-only, --power and --latex")} to start it, or {Wording.Of("give Study the folder", "say with --out")} where it is.");
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

    /// <summary>Only earlier results may be replaced by the results.</summary>
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
            throw new InputException($"{string.Join(", ", others)}: was not written by a study, but the results would replace it. Move it away, or give the study another {Wording.Of("folder", "--out")}.");
        }
    }

    /// <summary>The job with its share of the machine's threads, and with what runs of the study share: what was measured before training, and frozen stages.</summary>
    internal StudyJob Shared(StudyJob job) => job with
    {
        Settings = job.Settings.With(settings =>
        {
            settings.Host.Threads = settings.Host.Threads == 0 ? Threads : settings.Host.Threads;
            settings.Host.InitialMetrics = settings.Host.InitialMetrics.Length == 0 ? Path.Combine(root, "initial") : settings.Host.InitialMetrics;
            settings.Host.FrozenWeights = settings.Host.FrozenWeights.Length == 0 ? Path.Combine(root, "frozen") : settings.Host.FrozenWeights;
        }),
    };
}
