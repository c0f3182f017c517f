using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace CondEmbed.Images;

/// <summary>
/// The threads of one pass: a feeder plans batches as far ahead as it may, workers take one slot at a time from the oldest batch that has any left, and the
/// consumer waits for the batches in order. None of them waits for the thread pool, which may be full. Disposing stops and joins them all.
/// </summary>
internal sealed class LoaderRun : IDisposable
{
    private readonly BlockingCollection<LoaderJob> ordered = [];
    private readonly BlockingCollection<(LoaderJob Job, int Slot)> open = [];
    private readonly LoaderJobs jobs;
    private readonly SemaphoreSlim room;
    private readonly CancellationToken outer;
    private readonly CancellationTokenSource stop;
    private readonly Thread[] threads;
    private ExceptionDispatchInfo? failure;

    internal LoaderRun(LoaderJobs jobs, Func<int, BatchPlan> plan, int first, int end, int workers, int prefetch, CancellationToken cancellationToken)
    {
        (this.jobs, outer) = (jobs, cancellationToken);
        room = new SemaphoreSlim(prefetch);
        stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        threads =
        [
            OnThread("loader: plans", () => Feed(plan, first, end)),
            .. Enumerable.Range(0, workers).Select(n => OnThread($"loader: images {n}", Work))
        ];
    }

    /// <summary>Waits for the next batch in order, and records in it for how long; null after the last.</summary>
    internal LoaderJob? Next()
    {
        var begun = Stopwatch.GetTimestamp();
        try
        {
            if (!ordered.TryTake(out var job, Timeout.Infinite, stop.Token))
            {
                failure?.Throw();
                return null;
            }

            job.Filled.Wait(stop.Token);
            room.Release();
            job.Waited = Stopwatch.GetElapsedTime(begun);
            return job;
        }
        catch (OperationCanceledException)
        {
            outer.ThrowIfCancellationRequested();
            throw;
        }
    }

    public void Dispose()
    {
        stop.Cancel();
        foreach (var thread in threads)
            thread.Join();
        stop.Dispose();
        room.Dispose();
        open.Dispose();
        ordered.Dispose();
    }

    private void Feed(Func<int, BatchPlan> plan, int first, int end)
    {
        try
        {
            for (var step = first; step < end; step++)
            {
                // Before a batch is planned, so that no more buffers are taken than batches may wait.
                room.Wait(stop.Token);
                var job = jobs.Start(step, plan(step));
                ordered.Add(job);
                for (var slot = 0; slot < job.Plan.Indices.Length; slot++)
                    open.Add((job, slot));
            }
        }
        catch (Exception problem)
        {
            failure = ExceptionDispatchInfo.Capture(problem);
        }

        open.CompleteAdding();
        ordered.CompleteAdding();
    }

    private void Work()
    {
        try
        {
            foreach (var (job, slot) in open.GetConsumingEnumerable(stop.Token))
            {
                jobs.Fill(job, slot);
                job.SlotFinished();
            }
        }
        catch (OperationCanceledException)
        {
            // Nobody waits for the others.
        }
    }

    private static Thread OnThread(string name, Action work)
    {
        var thread = new Thread(() => work()) { IsBackground = true, Name = name };
        thread.Start();
        return thread;
    }
}
