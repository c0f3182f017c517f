using System.Diagnostics;

namespace CondEmbed.Common;

/// <summary>Forwards each report immediately, on the thread that makes it (unlike <see cref="Progress{T}"/>), one at a time.</summary>
/// <param name="listener">Called with each report.</param>
internal sealed class SynchronousProgress<T>(Action<T> listener) : IProgress<T>
{
    private readonly Lock gate = new();

    public void Report(T value)
    {
        lock (gate)
        {
            listener(value);
        }
    }
}

/// <summary>Phases of work that is listened to.</summary>
internal static class ProgressPhase
{
    /// <summary>A phase that begins now; what comes back tells the listener, if there is one, how many of its images are done.</summary>
    internal static Action<int> Phase(this IProgress<RunProgress>? listener, string name, int total)
    {
        var watch = Stopwatch.StartNew();
        return done => listener?.Report(RunProgress.Of(name, done, total, watch.Elapsed));
    }
}
