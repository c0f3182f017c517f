namespace CondEmbed.Reports;

/// <summary>Shared by writer and reader: how an entry becomes a line, and where the valid part of a log ends.</summary>
internal static class LogFile
{
    /// <summary>The entry as one line of JSON in UTF-8, with the line feed.</summary>
    public static byte[] ToLine(LogEntry entry) => [.. JsonSerializer.SerializeToUtf8Bytes(entry, JsonStyle.Line), (byte)'\n'];

    /// <summary>The entries of a log, and the length in bytes of the part that holds them.</summary>
    /// <remarks>A last line that cannot be read or has no line feed was left by a crash and is ignored.</remarks>
    /// <exception cref="InputException">A line before the last one is not a log entry.</exception>
    public static (IReadOnlyList<LogEntry> Entries, int SoundLength) Parse(ReadOnlySpan<byte> log, string path)
    {
        var entries = new List<LogEntry>();
        var start = 0;
        for (var line = 1; start < log.Length; line++)
        {
            var length = log[start..].IndexOf((byte)'\n');
            if (length < 0)
            {
                break;
            }
            var entry = TryParse(log.Slice(start, length), out var problem);
            var next = start + length + 1;
            if (entry is not null)
            {
                entries.Add(entry);
            }
            else if (problem is not null)
            {
                return next == log.Length
                    ? (entries, start)
                    : throw new InputException($"{path}, line {line}: not a log entry of a run ({problem}). Delete or correct the line.");
            }
            start = next;
        }
        return (entries, start);
    }

    /// <summary>The entry of a line; null, without a problem, for a blank line.</summary>
    private static LogEntry? TryParse(ReadOnlySpan<byte> line, out string? problem)
    {
        problem = null;
        if (line.IndexOfAnyExcept(" \t\r"u8) < 0)
        {
            return null;
        }
        try
        {
            var entry = JsonSerializer.Deserialize<LogEntry>(line, JsonStyle.Line);
            problem = entry is null ? "null" : null;
            return entry;
        }
        catch (Exception error) when (error is JsonException or NotSupportedException)
        {
            problem = error.Message;
            return null;
        }
    }
}
