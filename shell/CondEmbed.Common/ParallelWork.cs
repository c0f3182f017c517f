using System.Runtime.ExceptionServices;

namespace CondEmbed.Common;

/// <summary>Runs work in many parts, which threads take one after another as they become free.</summary>
internal static class ParallelWork
{
    /// <summary>
    /// Calls the work with 0 to count - 1, in about this order. Calls are handed out one at a time: images differ in size, and ranges would leave threads idle at the end.
    /// </summary>
    /// <param name="count">How many calls.</param>
    /// <param name="work">Does one part.</param>
    /// <param name="workers">Threads; 0 is <see cref="ComputeThreads.Count"/>.</param>
    /// <param name="cancellationToken">Ends the work with an OperationCanceledException.</param>
    /// <exception cref="InputException">The first exception of the work, of whatever type, as it would be thrown on one thread.</exception>
    internal static void Each(int count, Action<int> work, int workers = 0, CancellationToken cancellationToken = default) =>
        Each(count, () => work, (own, number) => own(number), workers, cancellationToken);

    /// <summary>The same, with a state for each thread.</summary>
    /// <param name="count">How many calls.</param>
    /// <param name="start">Creates the state of one thread.</param>
    /// <param name="work">Does one part with that state.</param>
    /// <param name="workers">Threads; 0 is <see cref="ComputeThreads.Count"/>.</param>
    /// <param name="cancellationToken">Ends the work with an OperationCanceledException.</param>
    /// <returns>The states of all threads.</returns>
    internal static IReadOnlyList<TOwn> Each<TOwn>(int count, Func<TOwn> start, Action<TOwn, int> work, int workers = 0, CancellationToken cancellationToken = default)
    {
        var threads = Math.Min(count, ComputeThreads.Or(workers));
        var owns = new List<TOwn>(threads);
        var next = -1;
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, threads) }, Work);
        }
        catch (AggregateException several)
        {
            // What a user can mend says more than what followed from it.
            ExceptionDispatchInfo.Throw(several.InnerExceptions.OfType<InputException>().FirstOrDefault() ?? several.InnerExceptions[0]);
        }

        cancellationToken.ThrowIfCancellationRequested();
        return owns;

        void Work(int thread, ParallelLoopState state)
        {
            var own = start();
            lock (owns)
            {
                owns.Add(own);
            }

            bool GoesOn() => !state.ShouldExitCurrentIteration && !cancellationToken.IsCancellationRequested;
            for (var number = Interlocked.Increment(ref next); number < count && GoesOn(); number = Interlocked.Increment(ref next))
            {
                work(own, number);
            }
        }
    }
}
