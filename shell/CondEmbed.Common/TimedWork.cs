using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace CondEmbed.Common;

/// <summary>A kind of work that has a span, <c>condembed.NAME</c>, and a histogram of its seconds, <c>condembed.NAME.duration</c>.</summary>
internal sealed class TimedWork(ActivitySource source, Meter meter, string name, string description)
{
    private readonly string span = $"condembed.{name}";
    private readonly Histogram<double> duration = meter.CreateHistogram<double>($"condembed.{name}.duration", "s", description);

    /// <summary>Whether it has a span only as a part of other work that has one.</summary>
    internal bool IsPart { get; init; }

    /// <summary>Does the work. A problem ends it as an error, a cancellation does not.</summary>
    internal T Run<T>(Func<T> work)
    {
        using var activity = Begin();
        var start = Stopwatch.GetTimestamp();
        try
        {
            return work();
        }
        catch (Exception problem) when (Failed(activity, problem))
        {
            throw;
        }
        finally
        {
            duration.Record(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
    }

    /// <inheritdoc cref="Run"/>
    internal async Task<T> RunAsync<T>(Func<Task<T>> work)
    {
        using var activity = Begin();
        var start = Stopwatch.GetTimestamp();
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (Exception problem) when (Failed(activity, problem))
        {
            throw;
        }
        finally
        {
            duration.Record(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
    }

    private Activity? Begin() => IsPart && Activity.Current is null ? null : source.StartActivity(span);

    // A filter, so that it sees the problem and catches nothing.
    private static bool Failed(Activity? activity, Exception problem)
    {
        if (problem is not OperationCanceledException)
        {
            activity?.SetStatus(ActivityStatusCode.Error, problem.Message);
        }

        return false;
    }
}
