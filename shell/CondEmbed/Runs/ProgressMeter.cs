using System.Diagnostics;

namespace CondEmbed.Runs;

/// <summary>Measures the pace of a run and reports its progress.</summary>
/// <param name="listener">Receives all reports; may be null.</param>
/// <param name="batch">Images per training step.</param>
internal sealed class ProgressMeter(IProgress<RunProgress>? listener, int batch)
{
    private const double Inertia = 0.95;
    private readonly Stopwatch phase = Stopwatch.StartNew();
    private string? phaseName;
    private double secondsPerStep;
    private TimeSpan trainedBefore;

    /// <summary>Images per second over about the last twenty steps.</summary>
    internal double ImagesPerSecond => secondsPerStep > 0 ? batch / secondsPerStep : 0;

    /// <summary>Some images of a phase other than training are done.</summary>
    internal void Report(string name, int done, int total)
    {
        Enter(name);
        listener?.Report(RunProgress.Of(name, done, total, phase.Elapsed));
    }

    /// <summary>A phase that is not about images has begun, or has ended.</summary>
    internal void Report(string name, bool isDone)
    {
        Enter(name);
        listener?.Report(new RunProgress(name, isDone ? 1 : 0, 1) { Elapsed = phase.Elapsed });
    }

    /// <summary>Training is about to start or resume; <paramref name="trained"/> is the time of all steps so far.</summary>
    internal void BeginTraining(TimeSpan trained)
    {
        Enter(RunProgress.Training);
        trainedBefore = trained;
    }

    /// <summary>A training step is done; <paramref name="trained"/> is the time of all steps so far, without that of evaluations.</summary>
    internal void Report(StepResult step, int steps, TimeSpan trained)
    {
        var took = (trained - trainedBefore).TotalSeconds;
        trainedBefore = trained;
        secondsPerStep = secondsPerStep > 0 ? (Inertia * secondsPerStep) + ((1 - Inertia) * took) : took;
        listener?.Report(new RunProgress(RunProgress.Training, step.Step, steps)
        {
            Loss = step.Loss,
            Terms = [.. step.Terms],
            LearningRate = step.LearningRate,
            ImagesPerSecond = ImagesPerSecond,
            Elapsed = trained,
            Remaining = TimeSpan.FromSeconds((steps - step.Step) * secondsPerStep),
        });
    }

    private void Enter(string name)
    {
        if (phaseName == name)
        {
            return;
        }

        phaseName = name;
        phase.Restart();
    }
}
