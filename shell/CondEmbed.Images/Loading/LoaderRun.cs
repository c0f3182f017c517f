using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace CondEmbed.Images;

/// <summary>
/// The threads of one pass: a feeder plans batches as far ahead as it may, workers take one slot at a time from the oldest batch that has any left, and the
/// consumer waits for the batches in order. All of them wait on one lock and never for the thread pool, which may be full. Disposing stops and joins them all.
/// </summary>
internal sealed class LoaderRun : IDisposable
{
    private readonly object gate = new();
    private readonly Queue<LoaderJob> ordered = new();
    private readonly Queue<LoaderJob> open = new();
    private readonly LoaderJobs jobs;
    private readonly int prefetch;
    private readonly CancellationToken outer;
    private readonly CancellationTokenRegistration registration;
    private readonly Thread[] threads;
    private ExceptionDispatchInfo? failure;
    private bool planned;
    private bool stopping;

    internal LoaderRun(LoaderJobs jobs, Func<int, BatchPlan> plan, int first, int end, int workers, int prefetch, CancellationToken cancellation)
    {
        this.jobs = jobs;
        this.prefetch = prefetch;
        outer = cancellation;
        registration = cancellation.Register(Stop);
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
        lock (gate)
        {
            while (true)
            {
                outer.ThrowIfCancellationRequested();
                if (ordered.TryPeek(out var job) && job.IsFull)
                {
                    ordered.Dequeue();
                    Monitor.PulseAll(gate);
                    job.Waited = Stopwatch.GetElapsedTime(begun);
                    return job;
                }

                if (planned && ordered.Count == 0)
                {
                    failure?.Throw();
                    return null;
                }

                Monitor.Wait(gate);
            }
        }
    }

    public void Dispose()
    {
        registration.Dispose();
        Stop();
        foreach (var thread in threads)
            thread.Join();
    }

    private void Stop()
    {
        lock (gate)
        {
            stopping = true;
            Monitor.PulseAll(gate);
        }
    }

    private void Feed(Func<int, BatchPlan> plan, int first, int end)
    {
        try
        {
            for (var step = first; step < end && AwaitRoom(); step++)
            {
                var job = jobs.Start(step, plan(step));
                lock (gate)
                {
                    ordered.Enqueue(job);
                    if (job.HasSlots)
                        open.Enqueue(job);
                    Monitor.PulseAll(gate);
                }
            }
        }
        catch (Exception problem)
        {
            failure = ExceptionDispatchInfo.Capture(problem);
        }

        lock (gate)
        {
            planned = true;
            Monitor.PulseAll(gate);
        }
    }

    // Checked before a batch is planned, so that no more buffers are taken than batches may wait.
    private bool AwaitRoom()
    {
        lock (gate)
        {
            while (!stopping && ordered.Count >= prefetch)
                Monitor.Wait(gate);
            return !stopping;
        }
    }

    private void Work()
    {
        while (Take() is var (job, slot))
        {
            jobs.Fill(job, slot);
            if (!job.SlotFinished())
                continue;
            lock (gate)
                Monitor.PulseAll(gate);
        }
    }

    private (LoaderJob Job, int Slot)? Take()
    {
        lock (gate)
        {
            while (!stopping && open.Count == 0 && !planned)
                Monitor.Wait(gate);
            if (stopping || !open.TryPeek(out var job))
                return null;
            var slot = job.TakeSlot();
            if (!job.HasSlots)
                open.Dequeue();
            return (job, slot);
        }
    }

    private static Thread OnThread(string name, Action work)
    {
        var thread = new Thread(() => work()) { IsBackground = true, Name = name };
        thread.Start();
        return thread;
    }
}
