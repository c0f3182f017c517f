using CondEmbed.Common;

namespace CondEmbed.Runs;

/// <summary>A run was cancelled: it finished its step and saved, so that it can be resumed.</summary>
public sealed class TrainingStoppedException : OperationCanceledException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="step">Steps done and saved.</param>
    /// <param name="token">The token that requested it.</param>
    public TrainingStoppedException(string folder, int step, CancellationToken token)
        : base($"Stopped after step {step}; everything is saved. Continue with {Wording.Of($"Trainer.Resume(\"{folder}\")", $"--resume {folder}")}", token)
    {
        Folder = folder;
        Step = step;
    }

    /// <summary>The run folder.</summary>
    public string Folder { get; }

    /// <summary>Steps done and saved.</summary>
    public int Step { get; }
}
