namespace CondEmbed.Common;

/// <summary>Decides which reports of progress are worth a plain line: the first and last of each phase, otherwise one every few seconds.</summary>
/// <param name="interval">Least time between two lines of one phase.</param>
public sealed class ProgressPacer(TimeSpan interval)
{
    private string? phase;
    private TimeSpan last;
    private bool ended;

    /// <summary>Whether to print a line for this report. Each call counts as a report.</summary>
    public bool ShouldPrint(RunProgress progress)
    {
        ArgumentNullException.ThrowIfNull(progress);
        var isNew = progress.Phase != phase || progress.Elapsed < last;
        var isDue = isNew || (!ended && (progress.IsLast || progress.Elapsed - last >= interval));
        if (isDue)
        {
            (phase, last, ended) = (progress.Phase, progress.Elapsed, progress.IsLast);
        }
        return isDue;
    }
}
