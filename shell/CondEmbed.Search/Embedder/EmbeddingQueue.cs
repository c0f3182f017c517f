namespace CondEmbed.Search;

/// <summary>
/// Runs a network on a thread of its own, for callers on any thread. What waits while a batch is under way makes the next batch, so that no
/// picture waits for others to come. Callers hand over buffers of pixels and get arrays of numbers; nothing of the network leaves its thread.
/// </summary>
internal sealed class EmbeddingQueue : IDisposable
{
    private readonly IEmbeddingNetwork network;
    private readonly int most;
    // Under a plain lock: a channel wakes its reader by way of the thread pool, whose threads may all be waiting for embeddings.
    private readonly Queue<Request> waiting = [];
    private readonly Thread thread;
    private bool ended;

    internal EmbeddingQueue(IEmbeddingNetwork network, int most)
    {
        (this.network, this.most) = (network, most);
        thread = new Thread(Work) { IsBackground = true, Name = "CondEmbed embedder" };
        thread.Start();
    }

    /// <summary>The pixels of one picture, embedded among whatever else waits -> D numbers.</summary>
    internal Task<float[]> One(byte[] pixels, CancellationToken cancellation) => Put(new Request(pixels, 1, false, cancellation));

    /// <summary>The pixels of a batch, embedded as it is -> B D numbers. They must stay as they are until the task has ended.</summary>
    internal Task<float[]> Batch(byte[] pixels, int count, CancellationToken cancellation) => Put(new Request(pixels, count, true, cancellation));

    /// <summary>Lets the batch under way come to its end; all else that waits fails with an ObjectDisposedException.</summary>
    public void Dispose()
    {
        lock (waiting)
        {
            if (ended)
            {
                return;
            }

            ended = true;
            Monitor.Pulse(waiting);
        }

        thread.Join();
        network.Dispose();
    }

    private Task<float[]> Put(Request request)
    {
        lock (waiting)
        {
            if (ended)
            {
                return Task.FromException<float[]>(Gone());
            }

            waiting.Enqueue(request);
            Monitor.Pulse(waiting);
            return request.Done.Task;
        }
    }

    private void Work()
    {
        while (Next() is { } batch)
        {
            Embed(batch);
        }

        foreach (var request in waiting)
        {
            request.Done.TrySetException(Gone());
        }
    }

    /// <summary>Waits for something to do; null at the end.</summary>
    private List<Request>? Next()
    {
        lock (waiting)
        {
            while (waiting.Count == 0 && !ended)
            {
                Monitor.Wait(waiting);
            }

            return ended ? null : Gathered();
        }
    }

    /// <summary>The first one alone if it is a batch already, else what waits up to the next such; without those that nobody wants any more.</summary>
    private List<Request> Gathered()
    {
        var batch = new List<Request>();
        while (batch.Count < most && waiting.TryPeek(out var next) && (batch.Count == 0 || !(next.IsWhole || batch[0].IsWhole)))
        {
            waiting.Dequeue();
            if (next.Cancellation.IsCancellationRequested)
            {
                next.Done.TrySetCanceled(next.Cancellation);
            }
            else
            {
                batch.Add(next);
            }
        }

        return batch;
    }

    private void Embed(List<Request> batch)
    {
        if (batch.Count == 0)
        {
            return;
        }

        try
        {
            var count = batch.Sum(request => request.Count);
            var rows = network.Embed(batch.Count == 1 ? batch[0].Pixels : Joined(batch), count);
            if (rows.Length != count * network.Dimension)
            {
                throw new InvalidOperationException($"{network.GetType().Name} gave {rows.Length} numbers for {count} pictures, not {count} x {network.Dimension}.");
            }

            foreach (var (place, request) in batch.Index())
            {
                request.Done.TrySetResult(batch.Count == 1 ? rows : rows.AsSpan(place * network.Dimension, network.Dimension).ToArray());
            }
        }
        catch (Exception problem)
        {
            foreach (var request in batch)
            {
                request.Done.TrySetException(problem);
            }
        }
    }

    private static byte[] Joined(List<Request> batch)
    {
        var side = batch[0].Pixels.Length;
        var pixels = GC.AllocateUninitializedArray<byte>(batch.Count * side);
        foreach (var (place, request) in batch.Index())
        {
            request.Pixels.CopyTo(pixels, place * side);
        }

        return pixels;
    }

    private static ObjectDisposedException Gone() => new(nameof(Embedder));

    private sealed record Request(byte[] Pixels, int Count, bool IsWhole, CancellationToken Cancellation)
    {
        // Else a caller that goes on at once would do so on the network's thread.
        internal TaskCompletionSource<float[]> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
