namespace CondEmbed.Reports;

/// <summary>A run's log, read back.</summary>
/// <param name="Entries">All entries, in the order in which they were written.</param>
public sealed record RunLog(IReadOnlyList<LogEntry> Entries)
{
    /// <summary>The logged training steps.</summary>
    public IReadOnlyList<StepEntry> Steps => [.. Entries.OfType<StepEntry>()];

    /// <summary>The evaluations on the validation classes.</summary>
    public IReadOnlyList<ValidationEntry> Validations => [.. Entries.OfType<ValidationEntry>()];

    /// <summary>The measurements of the levels.</summary>
    public IReadOnlyList<LevelsEntry> Levels => [.. Entries.OfType<LevelsEntry>()];

    /// <summary>Total running time: from each start or resumption to the last entry before the next one.</summary>
    public TimeSpan Duration =>
        new((long)Int128.Clamp(
            Entries.Zip(Entries.Skip(1)).Where(pair => pair.Second is not (StartEntry or ResumeEntry))
                .Aggregate(Int128.Zero, (total, pair) => total + (pair.Second.Time - pair.First.Time).Ticks),
            long.MinValue,
            long.MaxValue));

    /// <summary>The median throughput, in images per second, since evaluations and a cold start slow single entries; 0 if none was logged.</summary>
    internal static double MedianPace(IEnumerable<StepEntry> steps)
    {
        double[] paces = [.. steps.Select(step => step.ImagesPerSecond).Where(double.IsFinite).Order()];
        return paces.Length == 0 ? 0 : paces[paces.Length / 2];
    }
}

/// <summary>Reads <c>log.jsonl</c>, one JSON object per line.</summary>
public static class LogReader
{
    /// <summary>Reads a log. A last line that a crash left incomplete is ignored.</summary>
    /// <exception cref="InputException">The file is missing, or a line before the last one is not a log entry.</exception>
    public static RunLog Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new InputException($"{path}: no such log. Pass a run folder, which contains log.jsonl.");
        }
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var log = new byte[stream.Length];
        var read = stream.ReadAtLeast(log, log.Length, throwOnEndOfStream: false);
        return new RunLog(LogFile.Parse(log.AsSpan(0, read), path).Entries);
    }
}
