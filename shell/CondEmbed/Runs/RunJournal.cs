using CondEmbed.Options;
using CondEmbed.Reports;
using CondEmbed.Storage;
using CondEmbed.TensorBoard;

namespace CondEmbed.Runs;

/// <summary>Where a run records events: its log, TensorBoard's file if the settings want one, and a listener.</summary>
internal sealed class RunJournal : IDisposable
{
    private readonly LogWriter log;
    private readonly BoardLog? board;
    private readonly Action<LogEntry>? listener;

    /// <summary>Opens the journal of a run that resumes after a step, or starts at 0: entries of later steps are removed.</summary>
    internal RunJournal(RunFolder folder, RunSettings settings, int step, Action<LogEntry>? listener)
    {
        this.listener = listener;
        LogWriter.TruncateAfter(folder.Log, step);
        log = new LogWriter(folder.Log);
        board = log.OrDispose(_ => settings.Host.Tensorboard ? new BoardLog(folder.TensorBoard, LogReader.Read(folder.Log).Entries, TomlSettings.Write(settings)) : null);
    }

    internal void Write(LogEntry entry)
    {
        var written = log.Append(entry);
        board?.Write(written);
        listener?.Invoke(written);
    }

    /// <summary>Metrics of the test classes, which are in their own file rather than in the log.</summary>
    internal void Tested(string name, int step, IReadOnlyDictionary<string, double> metrics) => board?.Write(name, step, metrics);

    public void Dispose()
    {
        log.Dispose();
        board?.Dispose();
    }
}
