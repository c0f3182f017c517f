namespace CondEmbed.Common;

/// <summary>The progress of a run.</summary>
/// <param name="Phase">What the run is doing: "training", "checking images", "evaluating" ...</param>
/// <param name="Step">Units of work done in this phase (training steps, images).</param>
/// <param name="Steps">Units of work in the whole phase; 0 if not known.</param>
public sealed record RunProgress(string Phase, int Step, int Steps)
{
    /// <summary>The phase in which steps are training steps and a loss exists.</summary>
    public const string Training = "training";

    // A pace measured over less time than this is meaningless.
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(0.25);

    /// <summary>The progress of a phase that works through images, with its pace and the time left as soon as they are known.</summary>
    public static RunProgress Of(string phase, int done, int total, TimeSpan elapsed)
    {
        var known = done > 0 && elapsed > Settled;
        return new RunProgress(phase, done, total)
        {
            Elapsed = elapsed,
            ImagesPerSecond = known ? done / elapsed.TotalSeconds : null,
            Remaining = known ? elapsed / done * (total - done) : null,
        };
    }

    /// <summary>What is under way when work has several parts, as in "baseline, seed 0: training 120/1,500"; or null.</summary>
    public string? Detail { get; init; }

    /// <summary>The total loss of the last step, or null outside training.</summary>
    public double? Loss { get; init; }

    /// <summary>The named terms of the loss, in order.</summary>
    public IReadOnlyList<KeyValuePair<string, double>> Terms { get; init; } = [];

    /// <summary>Learning rate of the last step, or null outside training.</summary>
    public double? LearningRate { get; init; }

    /// <summary>Images processed per second, or null if not measured yet.</summary>
    public double? ImagesPerSecond { get; init; }

    /// <summary>Time since the phase began.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Estimated time left in the phase, or null if not known yet.</summary>
    public TimeSpan? Remaining { get; init; }

    /// <summary>The fraction of the phase that is done, 0 to 1; 0 if its length is not known.</summary>
    public double Share => Steps > 0 ? Math.Clamp((double)Step / Steps, 0, 1) : 0;

    /// <summary>Whether the phase is at its end.</summary>
    public bool IsLast => Steps > 0 && Step >= Steps;
}
