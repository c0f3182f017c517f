using System.Runtime.ExceptionServices;

namespace CondEmbed;

/// <summary>Work on many threads whose bad input comes out as it would on one.</summary>
internal static class Each
{
    /// <summary>Calls the work with 0 to count - 1, on several threads.</summary>
    /// <exception cref="InputException">The first one of the work, instead of an AggregateException around it.</exception>
    internal static void OnThreads(int count, Action<int> work, CancellationToken cancellation = default)
    {
        try
        {
            Parallel.For(0, count, new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = ComputeThreads.Count }, work);
        }
        catch (AggregateException several) when (several.InnerExceptions.OfType<InputException>().FirstOrDefault() is { } first)
        {
            ExceptionDispatchInfo.Throw(first);
        }
    }
}
