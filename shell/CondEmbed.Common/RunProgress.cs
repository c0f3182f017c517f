namespace CondEmbed.Common;

/// <summary>How far a run is.</summary>
/// <param name="Phase">What it does: "training", "checking pictures", "evaluating" ...</param>
/// <param name="Step">Units of work done in this phase (training steps, pictures).</param>
/// <param name="Steps">Units of work that the phase takes; 0 if not known.</param>
public sealed record RunProgress(string Phase, int Step, int Steps)
{
    /// <summary>The phase in which steps are training steps and a loss exists.</summary>
    public const string Training = "training";

    // A pace measured over less than this says nothing.
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(0.25);

    /// <summary>How far a phase of pictures is, with its pace and the time left as soon as they can be told.</summary>
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

    /// <summary>What is under way of work in several parts, as in "baseline, seed 0: training 120/1,500"; or nothing.</summary>
    public string? Detail { get; init; }

    /// <summary>The total loss of the last step, or nothing outside training.</summary>
    public double? Loss { get; init; }

    /// <summary>The named terms of the loss, in order.</summary>
    public IReadOnlyList<KeyValuePair<string, double>> Terms { get; init; } = [];

    /// <summary>Learning rate of the last step, or nothing outside training.</summary>
    public double? LearningRate { get; init; }

    /// <summary>Pictures worked through a second, or nothing if not measured yet.</summary>
    public double? ImagesPerSecond { get; init; }

    /// <summary>Time since the phase began.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Time that the phase will probably still take, or nothing if not known yet.</summary>
    public TimeSpan? Remaining { get; init; }

    /// <summary>Share of the phase that is done, 0 to 1; 0 if its length is not known.</summary>
    public double Share => Steps > 0 ? Math.Clamp((double)Step / Steps, 0, 1) : 0;

    /// <summary>Whether the phase is at its end.</summary>
    public bool IsLast => Steps > 0 && Step >= Steps;
}
