using CondEmbed.Interop;
using CondEmbed.Reports;

namespace CondEmbed.Studies;

/// <summary>Tells now and then how many training steps of all runs are done, as their logs say.</summary>
internal sealed class StudyProgress : IDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(3);

    private readonly IReadOnlyList<StudyJob> jobs;
    private IProgress<RunProgress>? listener;
    private readonly DateTime start = DateTime.UtcNow;
    private readonly Dictionary<StudyJob, int> done = [];
    private readonly int before;
    private readonly Timer timer;

    internal StudyProgress(IReadOnlyList<StudyJob> jobs, IProgress<RunProgress>? listener)
    {
        this.jobs = jobs;
        this.listener = listener;
        before = jobs.Sum(Done);
        timer = new Timer(_ => Report(), null, Every, Every);
    }

    public void Dispose()
    {
        timer.Dispose();
        Report();
        listener = null;
    }

    private void Report()
    {
        lock (done)
        {
            var now = jobs.Sum(Done);
            var total = jobs.Sum(job => StepsOf(job, Done(job)));
            var elapsed = DateTime.UtcNow - start;
            listener?.Report(new RunProgress("study", now, total)
            {
                Elapsed = elapsed,
                Remaining = now > before ? elapsed * ((double)(total - now) / (now - before)) : null,
            });
        }
    }

    private int Done(StudyJob job)
    {
        if (done.TryGetValue(job, out var known) && known > 0 && known >= StepsOf(job, 0))
        {
            return known;
        }

        return done[job] = job.StepsDone;
    }

    /// <summary>What the settings say; of a length in epochs no more is known than what is done.</summary>
    private static int StepsOf(StudyJob job, int done) => job.Settings.Epochs > 0 ? done : RunSettings.StepsOf(job.Settings, 0);
}
