using CondEmbed.Interop;
using CondEmbed.Options;
using CondEmbed.Reports;
using CondEmbed.Storage;
using CondEmbed.TensorBoard;

namespace CondEmbed.Runs;

/// <summary>Where a run writes down what happens: its log, TensorBoard's file if the settings want one, and a listener.</summary>
internal sealed class RunJournal : IDisposable
{
    private readonly LogWriter log;
    private readonly BoardLog? board;
    private readonly Action<LogEntry>? listener;

    /// <summary>Opens the journal of a run that goes on after a step, or begins at 0: what later steps left is forgotten.</summary>
    internal RunJournal(RunFolder folder, Config config, int step, Action<LogEntry>? listener)
    {
        this.listener = listener;
        LogWriter.TruncateAfter(folder.Log, step);
        log = new LogWriter(folder.Log);

        try
        {
            board = config.Tensorboard ? new BoardLog(folder.TensorBoard, LogReader.Read(folder.Log).Entries, TomlSettings.Write(config)) : null;
        }
        catch
        {
            log.Dispose();
            throw;
        }
    }

    internal void Write(LogEntry entry)
    {
        var written = log.Append(entry);
        board?.Write(written);
        listener?.Invoke(written);
    }

    /// <summary>Metrics of the test classes, which stand in a file of their own and not in the log.</summary>
    internal void Tested(string name, int step, IReadOnlyDictionary<string, double> metrics) => board?.Write(name, step, metrics);

    public void Dispose()
    {
        log.Dispose();
        board?.Dispose();
    }
}
