using System.Text.Json.Serialization;

namespace CondEmbed.Reports;

/// <summary>The result of a run: metrics of the held-out classes as fractions (0 to 1); keys as in <see cref="Evaluation.MetricNames"/>.</summary>
/// <param name="Dataset">Name of the data set.</param>
/// <param name="Step">Number of training steps done.</param>
/// <param name="Before">Metrics before training; empty if not measured.</param>
/// <param name="After">Metrics after training.</param>
/// <param name="Best">Metrics of the step that did best on the validation classes; null if there are none.</param>
/// <param name="BestStep">That step; 0 if there are no validation classes.</param>
public sealed record RunMetrics(
    string Dataset,
    int Step,
    IReadOnlyDictionary<string, double> Before,
    IReadOnlyDictionary<string, double> After,
    IReadOnlyDictionary<string, double>? Best = null,
    int BestStep = 0)
{
    /// <summary>What was present of an incomplete published set, so that the numbers are not comparable; null for other data.</summary>
    public string? Subset { get; init; }

    /// <summary>The published set that it was measured on, such as CUB-200-2011; missing for other data.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Published { get; init; }

    /// <summary>What the run started from and saw; null until it is finished.</summary>
    public RunOrigin? Origin { get; init; }
}

/// <summary>What two runs must have in common to be compared: SHA-256 sums in hexadecimal digits.</summary>
/// <param name="Network">The sum of the encoder and head before the first step.</param>
/// <param name="Batches">The sum of all images as the network saw them, and their classes, in order.</param>
public sealed record RunOrigin(string Network, string Batches);

/// <summary>Writes and reads a run's <c>metrics.json</c>.</summary>
public static class MetricsFile
{
    /// <summary>Writes the file atomically.</summary>
    public static void Write(string path, RunMetrics metrics) =>
        AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, metrics, JsonStyle.Indented));

    /// <summary>Reads the file.</summary>
    /// <exception cref="InputException">The file is missing or was not written by <see cref="Write"/>.</exception>
    public static RunMetrics Read(string path) => File.Exists(path)
        ? JsonFile.Read<RunMetrics>(path, "a metrics file", "Restore it, or start a new run.")
        : throw new InputException($"{path}: no such file, and what was measured before training cannot be measured again. Restore it, or start a new run.");
}
