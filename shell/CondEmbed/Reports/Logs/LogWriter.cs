namespace CondEmbed.Reports;

/// <summary>Appends to <c>log.jsonl</c>, one JSON object per line.</summary>
/// <remarks>
/// Each line reaches the operating system immediately, so that a killed process loses none; all but the frequent step entries also
/// reach the disk. Opening a log removes a last line that a crash left incomplete. Thread-safe.
/// </remarks>
public sealed class LogWriter : IDisposable
{
    private readonly Lock gate = new();
    private readonly FileStream stream;
    private readonly TimeProvider clock;

    /// <summary>Opens the log, or creates it.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="clock">Gives the entries their time; by default the system's clock.</param>
    /// <exception cref="InputException">The file exists but is not a log.</exception>
    public LogWriter(string path, TimeProvider? clock = null)
    {
        this.clock = clock ?? TimeProvider.System;
        var soundLength = File.Exists(path) ? LogFile.Parse(File.ReadAllBytes(path), path).SoundLength : 0;
        stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
        stream.OrDispose(opened => opened.SetLength(soundLength));
        stream.Position = soundLength;
    }

    /// <summary>Appends an entry, stamped with the present time.</summary>
    public void Write(LogEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        Append(entry);
    }

    /// <summary>The same; returns the entry as stamped.</summary>
    internal LogEntry Append(LogEntry entry)
    {
        lock (gate)
        {
            var stamped = entry with { Time = clock.GetUtcNow() };
            stream.Write(LogFile.ToLine(stamped));
            stream.Flush(flushToDisk: entry is not StepEntry);
            return stamped;
        }
    }

    /// <summary>
    /// Removes every entry of a later step, atomically, so that steps repeated by a resumed run are not logged twice.
    /// Call it before the log is opened. A missing log stays missing.
    /// </summary>
    /// <param name="path">The log.</param>
    /// <param name="step">The step from which the run resumes.</param>
    /// <exception cref="InputException">The file is not a log.</exception>
    public static void TruncateAfter(string path, int step)
    {
        if (!File.Exists(path))
        {
            return;
        }
        var entries = LogReader.Read(path).Entries;
        AtomicFile.Write(path, file =>
        {
            foreach (var entry in entries.Where(entry => entry.Step <= step))
            {
                file.Write(LogFile.ToLine(entry));
            }
        });
    }

    /// <inheritdoc />
    public void Dispose() => stream.Dispose();
}
