namespace CondEmbed.Common;

/// <summary>Progress as plain text, for logs and for output that is not a terminal.</summary>
public static class ProgressText
{
    /// <summary>One line: phase, step, what is under way, loss and its terms, learning rate, pace, time. Columns stay put from line to line.</summary>
    public static string Line(RunProgress progress)
    {
        ArgumentNullException.ThrowIfNull(progress);
        return string.Join("  ", new[]
        {
            Count(progress),
            progress.Detail ?? "",
            Loss(progress),
            progress.LearningRate is { } rate ? $"lr {Readable.Number(rate, 3)}" : "",
            Pace(progress),
            Time(progress),
        }.Where(part => part.Length > 0));
    }

    /// <summary>The total loss and its terms: "loss 1.2340 (unconditional 0.8000, level 1 0.4340)"; empty outside training.</summary>
    public static string Loss(RunProgress progress)
    {
        ArgumentNullException.ThrowIfNull(progress);
        if (progress.Loss is not { } loss)
        {
            return "";
        }
        // A single term is the total itself and would only be repeated.
        var terms = progress.Terms.Count > 1
            ? $" ({string.Join(", ", progress.Terms.Select(term => $"{term.Key} {Fixed(term.Value)}"))})"
            : "";
        return $"loss {Fixed(loss)}{terms}";
    }

    /// <summary>The throughput: "812 img/s", or "0.4 img/s"; empty if not known.</summary>
    public static string Pace(RunProgress progress)
    {
        ArgumentNullException.ThrowIfNull(progress);
        return progress.ImagesPerSecond is { } pace
            ? string.Create(CultureInfo.InvariantCulture, $"{(pace < 9.95 ? $"{pace:0.0}" : $"{pace:0}"),4} img/s")
            : "";
    }

    /// <summary>The time: "1 m 12 s, 2 m 30 s left".</summary>
    public static string Time(RunProgress progress)
    {
        ArgumentNullException.ThrowIfNull(progress);
        var elapsed = Readable.Duration(progress.Elapsed);
        return progress.Remaining is { } left && !progress.IsLast ? $"{elapsed}, {Readable.Duration(left)} left" : elapsed;
    }

    private static string Count(RunProgress progress)
    {
        if (progress.Steps <= 0)
        {
            return progress.Step > 0 ? $"{progress.Phase}  {Readable.Count(progress.Step)}" : progress.Phase;
        }
        var total = Readable.Count(progress.Steps);
        var step = Readable.Count(progress.Step).PadLeft(total.Length);
        return string.Create(CultureInfo.InvariantCulture, $"{progress.Phase}  {step}/{total} {100 * progress.Share,3:0}%");
    }

    private static string Fixed(double value) =>
        double.IsFinite(value) && Math.Abs(value) < 1e5 ? value.ToString("0.0000", CultureInfo.InvariantCulture) : Readable.Number(value);
}
