using CondEmbed.Reports;
using Google.Protobuf;
using Tensorboard;

namespace CondEmbed.TensorBoard;

/// <summary>
/// A run's log as TensorBoard's event file. The log is authoritative: reopening the folder writes a new file from it and removes the earlier ones,
/// so that a run resumed from a checkpoint has no duplicate steps.
/// </summary>
internal sealed partial class BoardLog : IDisposable
{
    private const string Start = "events.out.tfevents.";

    private readonly EventFile file;
    private readonly TimeProvider clock;

    /// <summary>Starts the file of a run with the content of its log so far.</summary>
    /// <param name="folder">The folder of the file, created if missing.</param>
    /// <param name="log">The entries so far, which the file begins with.</param>
    /// <param name="settings">The run's settings as TOML, shown as a text.</param>
    /// <param name="clock">The clock for the file name and for entries without a time; by default the system's.</param>
    internal BoardLog(string folder, IEnumerable<LogEntry> log, string settings, TimeProvider? clock = null)
    {
        this.clock = clock ?? TimeProvider.System;
        var now = this.clock.GetUtcNow();
        Directory.CreateDirectory(folder);
        string[] before = [.. Directory.GetFiles(folder, Start + "*").Where(file => !OfOthers().IsMatch(file))];
        file = new EventFile(Path.Combine(folder, Name(now, before)), now);
        file.OrDispose(begun =>
        {
            begun.Append(now, Text("settings", $"```toml\n{settings}```\n"));

            foreach (var entry in log)
            {
                Write(entry);
            }

            foreach (var old in before)
            {
                File.Delete(old);
            }
        });
    }

    /// <summary>Writes the numbers of a log entry.</summary>
    internal void Write(LogEntry entry)
    {
        var values = entry switch
        {
            StepEntry step => OfStep(step),
            ValidationEntry validation => OfMetrics("validation", validation.Metrics),
            LevelsEntry levels => [.. levels.Measures.Select(pair => KeyValuePair.Create($"levels/{pair.Key}", pair.Value))],
            _ => [],
        };

        if (values.Length > 0)
        {
            file.Append(entry.Time, Scalars(entry.Step, values));
        }
    }

    /// <summary>Writes metrics of the test classes under a name of their own.</summary>
    internal void Write(string name, int step, IReadOnlyDictionary<string, double> metrics) =>
        file.Append(clock.GetUtcNow(), Scalars(step, OfMetrics(name, metrics)));

    public void Dispose() => file.Dispose();

    /// <summary>Files of TensorFlow and PyTorch have the process id in their names; ours do not.</summary>
    [System.Text.RegularExpressions.GeneratedRegex(@"\.[0-9]+\.[0-9]+(\.v2)?$")]
    private static partial System.Text.RegularExpressions.Regex OfOthers();

    private static Event Scalars(int step, IEnumerable<KeyValuePair<string, double>> values) =>
        new() { Step = step, Summary = new Summary { Value = { values.Select(pair => new Summary.Types.Value { Tag = pair.Key, SimpleValue = (float)pair.Value }) } } };

    // In Markdown.
    private static Event Text(string tag, string text)
    {
        var shape = new TensorShapeProto { Dim = { new TensorShapeProto.Types.Dim { Size = 1 } } };
        var tensor = new TensorProto { Dtype = DataType.DtString, TensorShape = shape, StringVal = { ByteString.CopyFromUtf8(text) } };
        var metadata = new SummaryMetadata { PluginData = new SummaryMetadata.Types.PluginData { PluginName = "text" } };
        return new() { Summary = new Summary { Value = { new Summary.Types.Value { Tag = tag, Tensor = tensor, Metadata = metadata } } } };
    }

    private static KeyValuePair<string, double>[] OfStep(StepEntry step) =>
    [
        new("loss/total", step.Loss),
        .. step.Terms.Select(term => KeyValuePair.Create($"loss/{term.Key}", term.Value)),
        new("training/learning_rate", step.LearningRate),
        new("training/gradient_norm", step.GradientNorm),
        new("training/images_per_second", step.ImagesPerSecond),
    ];

    /// <summary>TensorBoard's tags know no '@': recall@1 is recall_at_1, as map_at_r.</summary>
    private static KeyValuePair<string, double>[] OfMetrics(string name, IReadOnlyDictionary<string, double> metrics) =>
        [.. metrics.Select(pair => KeyValuePair.Create($"{name}/{pair.Key.Replace("@", "_at_", StringComparison.Ordinal)}", pair.Value))];

    /// <summary>TensorBoard reads the files of a folder in the order of their names, which begin with the time in seconds: the newest must come last.</summary>
    private static string Name(DateTimeOffset now, IEnumerable<string> before)
    {
        static long SecondsOf(string path) =>
            long.TryParse(Path.GetFileName(path)[Start.Length..].Split('.')[0], CultureInfo.InvariantCulture, out var seconds) ? seconds : 0;

        var seconds = before.Select(path => SecondsOf(path) + 1).Append(now.ToUnixTimeSeconds()).Max();
        return string.Create(CultureInfo.InvariantCulture, $"{Start}{seconds:0000000000}.{Environment.MachineName}");
    }
}
