using System.Diagnostics;
using CondEmbed.Reports;

namespace CondEmbed.Teams;

/// <summary>What the processes of a run send each other in its steps, and how long that takes. All of them have to ask for it, in the same order; with one process there is nothing.</summary>
/// <param name="together">The processes.</param>
internal sealed class TrafficMeter(TeamWork together)
{
    private readonly Stopwatch clock = new();
    private Traffic begun;
    private Total all;
    private Total newest;

    /// <summary>A step begins.</summary>
    internal void Begin()
    {
        begun = together.Traffic;
        clock.Restart();
    }

    /// <summary>The step is done; what follows until the next one begins does not count, such as waiting for a checkpoint.</summary>
    internal void End()
    {
        var (bytes, time) = (together.Traffic.Bytes - begun.Bytes, together.Traffic.Time - begun.Time);
        var step = new Total(1, bytes, time.TotalSeconds, clock.Elapsed.TotalSeconds);
        (all, newest) = (all + step, newest + step);
    }

    /// <summary>Of each process in a step, of those since last asked.</summary>
    internal IReadOnlyList<ProcessTraffic>? Newest()
    {
        var total = newest;
        newest = default;
        return !together.IsShared ? null : [.. OfAll(total).Select(one => new ProcessTraffic(one.Bytes, one.Seconds))];
    }

    /// <summary>In a step, over all processes and steps; null before the first step.</summary>
    internal RunCommunication? Whole()
    {
        if (!together.IsShared || all.Steps == 0)
        {
            return null;
        }

        var processes = OfAll(all);
        var (seconds, took) = (processes.Average(one => one.Seconds), processes.Average(one => one.Took));
        return new(processes.Length, seconds, processes.Average(one => one.Bytes), took > 0 ? Math.Clamp(seconds / took, 0, 1) : 0);
    }

    /// <summary>The mean of a step, of each process.</summary>
    private (double Bytes, double Seconds, double Took)[] OfAll(Total total) =>
        [.. together.Gathered(total.Bytes / total.Steps, total.Seconds / total.Steps, total.Took / total.Steps).Select(one => (one[0], one[1], one[2]))];

    private readonly record struct Total(int Steps, double Bytes, double Seconds, double Took)
    {
        public static Total operator +(Total a, Total b) => new(a.Steps + b.Steps, a.Bytes + b.Bytes, a.Seconds + b.Seconds, a.Took + b.Took);
    }
}
