using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using CondEmbed.Common;
using CondEmbed.Evaluation;

namespace CondEmbed.Studies;

/// <summary>A study's results as JSON, as CSV, and as a table of text.</summary>
public static class StudyTables
{
    private const string Columns = "arm,seed,measured,metric,value";

    internal static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        RespectRequiredConstructorParameters = true,
        WriteIndented = true,
    };

    /// <summary>Writes <c>study.json</c>, atomically.</summary>
    public static void WriteJson(StudyResults results, string path) =>
        AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, results, Json));

    /// <summary>Reads what <see cref="WriteJson"/> wrote.</summary>
    /// <exception cref="InputException">It is no such file.</exception>
    public static StudyResults ReadJson(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return JsonSerializer.Deserialize<StudyResults>(stream, Json) ?? throw new JsonException("it is empty");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new InputException($"{path}: holds no results of a study: {error.Message}");
        }
    }

    /// <summary>Whether a file is of the kind that <see cref="WriteJson"/> writes, of whatever version.</summary>
    internal static bool IsJson(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("arms", out _);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>Whether a file is of the kind that <see cref="WriteCsv"/> writes.</summary>
    internal static bool IsCsv(string path) => File.ReadLines(path).FirstOrDefault() == Columns;

    /// <summary>Writes every measured number as a line: arm, seed, what was measured, metric, value (a fraction). Atomically.</summary>
    public static void WriteCsv(StudyResults results, string path)
    {
        ArgumentNullException.ThrowIfNull(results);
        var text = new StringBuilder(Columns + "\n");

        foreach (var run in results.Runs)
        {
            foreach (var (measured, metrics) in run.Measured)
            {
                foreach (var (metric, value) in metrics)
                {
                    text.Append(CultureInfo.InvariantCulture, $"{run.Arm},{run.Seed},{Quoted(measured)},{metric},{value:R}\n");
                }
            }
        }

        AtomicFile.WriteText(path, text.ToString());
    }

    /// <summary>What each arm measured on average, and what it gains over the baseline, in per cent, as aligned text.</summary>
    public static string Format(StudyResults results)
    {
        ArgumentNullException.ThrowIfNull(results);
        var text = new StringBuilder();

        foreach (var measured in results.Measured.Where(measured => measured != StudyMeasures.Before))
        {
            string[][] table =
            [
                [measured + " (%)", .. results.Metrics.SelectMany(metric => new[] { MetricNames.Display(metric), "gain over " + results.Baseline })],
                .. results.Arms.Select(arm => Row(results, arm.Name, measured)),
            ];
            var widths = Enumerable.Range(0, table[0].Length).Select(column => table.Max(row => row[column].Length)).ToArray();

            foreach (var row in table)
            {
                text.AppendJoin("   ", row.Select((cell, column) => column == 0 ? cell.PadRight(widths[0]) : cell.PadLeft(widths[column]))).Append('\n');
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    /// <summary>A gain in points with its interval: "+0.81 [+0.20, +1.42]".</summary>
    internal static string Gain(Estimate estimate) => double.IsFinite(estimate.Low)
        ? $"{Readable.PercentChange(estimate.Mean)} [{Readable.PercentChange(estimate.Low)}, {Readable.PercentChange(estimate.High)}]"
        : Readable.PercentChange(estimate.Mean);

    private static string[] Row(StudyResults results, string arm, string measured) =>
    [
        arm,
        .. results.Metrics.SelectMany(metric =>
        {
            var values = results.ValuesOf(arm, measured, metric);
            var difference = results.Differences.FirstOrDefault(one => one.Arm == arm && one.Measured == measured && one.Metric == metric);
            return new[]
            {
                values.Count == 0 ? "" : Readable.Percent(values.Average()),
                difference is null ? "" : Gain(difference.Estimate),
            };
        }),
    ];

    private static string Quoted(string text) => text.Contains(',') ? $"\"{text}\"" : text;
}
