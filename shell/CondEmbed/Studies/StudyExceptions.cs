namespace CondEmbed.Studies;

/// <summary>Some runs of a study failed; the message says which, and why.</summary>
public sealed class StudyFailedException(string message) : InvalidOperationException(message);

/// <summary>A study was cancelled: the runs under way have saved their state, and the study goes on when it is run again.</summary>
/// <param name="finished">Runs that are finished.</param>
/// <param name="runs">Runs of the study.</param>
/// <param name="token">The token that requested it.</param>
public sealed class StudyStoppedException(int finished, int runs, CancellationToken token)
    : OperationCanceledException($"Stopped with {finished} of {runs} runs finished; everything is saved. To go on, {Wording.Of("call Run again", "give the same command again")}.", token)
{
    /// <summary>Runs that are finished.</summary>
    public int Finished { get; } = finished;
}
