using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace CondEmbed.Common;

/// <summary>Runs work in many parts, which threads take one after another as they become free.</summary>
internal static class ParallelWork
{
    /// <summary>Calls the work with 0 to count - 1. Calls are handed out one at a time: images differ in size, and ranges would leave threads idle at the end.</summary>
    /// <param name="count">How many calls.</param>
    /// <param name="work">Does one part.</param>
    /// <param name="workers">Threads; 0 is <see cref="ComputeThreads.Count"/>.</param>
    /// <param name="cancellation">Ends the work with an OperationCanceledException.</param>
    /// <exception cref="InputException">The first exception of the work, of whatever type, as it would be thrown on one thread.</exception>
    internal static void Each(int count, Action<int> work, int workers = 0, CancellationToken cancellation = default)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = ComputeThreads.Or(workers), CancellationToken = cancellation };
        try
        {
            Parallel.ForEach(Partitioner.Create(Enumerable.Range(0, count), EnumerablePartitionerOptions.NoBuffering), options, work);
        }
        catch (AggregateException several)
        {
            // What a user can mend says more than what followed from it.
            ExceptionDispatchInfo.Throw(several.InnerExceptions.OfType<InputException>().FirstOrDefault() ?? several.InnerExceptions[0]);
        }
    }

    /// <summary>Does parts 0 to count - 1 on <see cref="ComputeThreads.Count"/> threads, in about this order.</summary>
    /// <param name="count">How many parts.</param>
    /// <param name="part">Does one part.</param>
    /// <param name="cancel">Stops between parts.</param>
    internal static void Do(int count, Action<int> part, CancellationToken cancel = default) => Do(count, () => part, (own, number) => own(number), cancel);

    /// <summary>The same, with a state for each thread.</summary>
    /// <param name="count">How many parts.</param>
    /// <param name="start">Creates the state of one thread.</param>
    /// <param name="part">Does one part with that state.</param>
    /// <param name="cancel">Stops between parts.</param>
    /// <returns>The states of all threads.</returns>
    internal static IReadOnlyList<TOwn> Do<TOwn>(int count, Func<TOwn> start, Action<TOwn, int> part, CancellationToken cancel = default)
    {
        var workers = Math.Min(count, ComputeThreads.Count);
        var owns = new List<TOwn>(workers);
        var next = -1;
        cancel.ThrowIfCancellationRequested();
        try
        {
            Parallel.For(0, workers, new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, workers) }, Work);
        }
        catch (AggregateException problems)
        {
            // Any of them says what is wrong, so the first is thrown.
            ExceptionDispatchInfo.Throw(problems.InnerExceptions[0]);
        }

        cancel.ThrowIfCancellationRequested();
        return owns;

        void Work(int worker)
        {
            var own = start();
            lock (owns)
            {
                owns.Add(own);
            }

            for (var number = Interlocked.Increment(ref next); number < count && !cancel.IsCancellationRequested; number = Interlocked.Increment(ref next))
            {
                part(own, number);
            }
        }
    }
}
