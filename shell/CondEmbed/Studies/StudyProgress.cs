namespace CondEmbed.Studies;

/// <summary>
/// Tells now and then how far a study is, as the logs of its runs say: the training steps of all runs with one estimate of the time left, and of each run under
/// way its arm, seed and phase.
/// </summary>
internal sealed class StudyProgress : IDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(3);

    private readonly Lock gate = new();
    private readonly IReadOnlyList<StudyJob> jobs;
    private readonly DateTime start = DateTime.UtcNow;
    private readonly Dictionary<StudyJob, JobState> finished = [];
    private readonly List<StudyJob> underWay = [];
    private readonly int before;
    private readonly Timer timer;
    private IProgress<RunProgress>? listener;

    internal StudyProgress(IReadOnlyList<StudyJob> jobs, IProgress<RunProgress>? listener)
    {
        this.jobs = jobs;
        this.listener = listener;
        before = jobs.Sum(job => StateOf(job).Step);
        timer = new Timer(_ => Report(), null, Every, Every);
    }

    /// <summary>A run begins, or goes on.</summary>
    internal void Begin(StudyJob job)
    {
        lock (gate)
        {
            underWay.Add(job);
        }

        Report();
    }

    /// <summary>A run has come to its end, whatever that is.</summary>
    internal void End(StudyJob job)
    {
        lock (gate)
        {
            underWay.Remove(job);
        }
    }

    public void Dispose()
    {
        timer.Dispose();
        Report();
        listener = null;
    }

    private void Report()
    {
        lock (gate)
        {
            listener?.Report(Of(jobs.ToDictionary(job => job, StateOf), underWay, before, DateTime.UtcNow - start));
        }
    }

    /// <summary>How far a study is.</summary>
    /// <param name="states">What each log says.</param>
    /// <param name="underWay">The runs that are being carried out.</param>
    /// <param name="before">Steps that were done before this study began or went on.</param>
    /// <param name="elapsed">Time since then.</param>
    internal static RunProgress Of(IReadOnlyDictionary<StudyJob, JobState> states, IReadOnlyList<StudyJob> underWay, int before, TimeSpan elapsed)
    {
        var done = states.Values.Sum(state => state.Step);
        var total = Total(states);
        var details = underWay.Select(job => $"{job.Name}: {states[job].Phase}");
        return new RunProgress("study", done, total)
        {
            Detail = underWay.Count == 0 ? null : string.Join("; ", details),
            Elapsed = elapsed,
            Remaining = done > before && total > 0 ? elapsed * ((double)(total - done) / (done - before)) : null,
        };
    }

    /// <summary>
    /// The steps of all runs: as their settings or their logs say. A run whose length is given in epochs is known once it has begun, and until then taken to be
    /// as long as the others on average; 0 where none is known.
    /// </summary>
    private static int Total(IReadOnlyDictionary<StudyJob, JobState> states)
    {
        int[] known = [.. states.Select(pair => StepsOf(pair.Key, pair.Value)).Where(steps => steps > 0)];
        return known.Length == 0 ? 0 : (int)Math.Min(int.MaxValue, Math.Round(known.Average() * states.Count));
    }

    private static int StepsOf(StudyJob job, JobState state) =>
        state.Steps > 0 ? state.Steps : job.Settings.Core.Epochs > 0 ? 0 : CoreSettings.StepsOf(job.Settings.Core, 0);

    private JobState StateOf(StudyJob job)
    {
        if (finished.TryGetValue(job, out var known))
        {
            return known;
        }

        var state = JobState.Of(job);

        if (state.IsFinished)
        {
            finished[job] = state;
        }

        return state;
    }
}
