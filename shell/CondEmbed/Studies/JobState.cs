using CondEmbed.Reports;
using CondEmbed.Storage;

namespace CondEmbed.Studies;

/// <summary>The progress of a run of a study, according to its log.</summary>
/// <param name="Step">Training steps done.</param>
/// <param name="Steps">Total training steps; 0 until its log says.</param>
/// <param name="Phase">What it is doing.</param>
/// <param name="IsFinished">Whether it is finished.</param>
internal sealed record JobState(int Step, int Steps, string Phase, bool IsFinished)
{
    internal static JobState Of(StudyJob job)
    {
        var log = new RunFolder(job.Folder).Log;
        return Of(File.Exists(log) ? LogReader.Read(log).Entries : []);
    }

    /// <summary>A log starts once the images are checked; after its first entry the untrained network is measured.</summary>
    internal static JobState Of(IReadOnlyList<LogEntry> log)
    {
        var step = log.Count == 0 ? 0 : log[^1].Step;
        var steps = log.Select(StepsOf).LastOrDefault(count => count > 0);
        var isFinished = log is [.., EndEntry { Reason: "finished" }];
        var phase = log.Count == 0 ? "preparing"
            : isFinished ? "finishing"
            : steps > 0 && step >= steps ? "evaluating and writing the report"
            : log.Any(entry => entry is StepEntry or CheckpointEntry) ? $"training {Readable.Count(step)}/{Readable.Count(steps)}"
            : "measuring before training";
        return new JobState(step, steps, phase, isFinished);
    }

    private static int StepsOf(LogEntry entry) => entry switch
    {
        StartEntry start => start.Steps,
        ResumeEntry resume => resume.Steps,
        _ => 0,
    };
}
