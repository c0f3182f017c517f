using System.Threading.Channels;

namespace CondEmbed.Images;

/// <summary>
/// The threads of one pass: a feeder plans batches as far ahead as the bounded channel lets it, workers take one slot at a time from
/// the oldest batch that has any left, and the consumer waits for the batches in order. Disposing stops and joins them all.
/// </summary>
internal sealed class LoaderRun : IDisposable
{
    private readonly CancellationTokenSource stop;
    private readonly CancellationToken outer;
    private readonly Channel<LoaderJob> ordered;
    private readonly Channel<(LoaderJob Job, int Slot)> slots;
    private readonly Task[] threads;

    internal LoaderRun(LoaderJobs jobs, Func<int, BatchPlan> plan, int first, int end, int workers, int prefetch, CancellationToken cancellation)
    {
        outer = cancellation;
        stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        ordered = Channel.CreateBounded<LoaderJob>(new BoundedChannelOptions(prefetch) { SingleReader = true, SingleWriter = true });
        slots = Channel.CreateUnbounded<(LoaderJob Job, int Slot)>(new UnboundedChannelOptions { SingleWriter = true });
        var token = stop.Token;
        threads =
        [
            OnThread(() => Feed(jobs, plan, first, end, token)),
            .. Enumerable.Range(0, workers).Select(_ => OnThread(() => Work(jobs, token)))
        ];
    }

    /// <summary>Waits for the next batch in order; null after the last.</summary>
    internal LoaderJob? Next()
    {
        try
        {
            if (!Wait(ordered.Reader.WaitToReadAsync(stop.Token)) || !ordered.Reader.TryRead(out var job))
                return null;
            job.Done.Wait(stop.Token);
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
        Task.WaitAll(threads);
        stop.Dispose();
    }

    private void Feed(LoaderJobs jobs, Func<int, BatchPlan> plan, int first, int end, CancellationToken token)
    {
        try
        {
            for (var step = first; step < end; step++)
            {
                // Room first, so that no more buffers are taken than batches may wait.
                if (!Wait(ordered.Writer.WaitToWriteAsync(token)))
                    return;
                var job = jobs.Start(step, plan(step));
                for (var slot = 0; slot < job.Plan.Indices.Length; slot++)
                    slots.Writer.TryWrite((job, slot));
                ordered.Writer.TryWrite(job);
            }

            ordered.Writer.Complete();
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
            ordered.Writer.TryComplete();
        }
        catch (Exception problem)
        {
            ordered.Writer.TryComplete(problem);
        }

        slots.Writer.Complete();
    }

    private void Work(LoaderJobs jobs, CancellationToken token)
    {
        try
        {
            while (Wait(slots.Reader.WaitToReadAsync(token)))
                while (!token.IsCancellationRequested && slots.Reader.TryRead(out var item))
                    jobs.Fill(item.Job, item.Slot);
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
            // The run is being disposed of, and nobody waits for what is left.
        }
    }

    // Threads of their own: the work is long, and the pool's threads serve the rest of the program.
    private static Task OnThread(Action work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static bool Wait(ValueTask<bool> task) => task.IsCompletedSuccessfully ? task.Result : task.AsTask().GetAwaiter().GetResult();
}
