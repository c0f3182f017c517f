namespace CondEmbed.Runs;

/// <summary>A run was cancelled: it finished its step and saved, so that it can be resumed.</summary>
/// <param name="folder">The run folder.</param>
/// <param name="step">Steps done and saved.</param>
/// <param name="token">The token that requested it.</param>
public sealed class TrainingStoppedException(string folder, int step, CancellationToken token)
    : OperationCanceledException($"Stopped after step {step}; everything is saved. Continue with {Wording.Of($"Trainer.Resume(\"{folder}\")", $"--resume {folder}")}", token)
{
    /// <summary>The run folder.</summary>
    public string Folder { get; } = folder;

    /// <summary>Steps done and saved.</summary>
    public int Step { get; } = step;
}
