using CondEmbed.Common;

namespace CondEmbed.Options;

/// <summary>A run was cancelled: it finished its step and saved, so that it can go on.</summary>
public sealed class TrainingStoppedException : OperationCanceledException
{
    /// <summary>Makes one.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="step">Steps done and saved.</param>
    /// <param name="token">What asked for it.</param>
    public TrainingStoppedException(string folder, int step, CancellationToken token)
        : base($"Stopped after step {step}; everything is saved. Go on with {Wording.Of($"Trainer.Resume(\"{folder}\")", $"--resume {folder}")}", token)
    {
        Folder = folder;
        Step = step;
    }

    /// <summary>The run's folder.</summary>
    public string Folder { get; }

    /// <summary>Steps done and saved.</summary>
    public int Step { get; }
}
