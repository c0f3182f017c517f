namespace CondEmbed.Search;

/// <summary>
/// Runs a network on a thread of its own, for callers on any thread. Requests that arrive during a batch form the next batch, so that no
/// image waits for others to arrive. Callers pass buffers of pixels and get arrays of numbers; the network is used only on its own thread.
/// </summary>
internal sealed class EmbeddingQueue : IDisposable, IAsyncDisposable
{
    private readonly IEmbeddingNetwork network;
    private readonly int most;
    // Guarded by a plain lock: a channel wakes its reader through the thread pool, whose threads may all be waiting for embeddings.
    private readonly Queue<Request> waiting = [];
    private readonly TaskCompletionSource worked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool ended;

    internal EmbeddingQueue(IEmbeddingNetwork network, int most)
    {
        (this.network, this.most) = (network, most);
        new Thread(Work) { IsBackground = true, Name = "CondEmbed embedder" }.Start();
    }

    /// <summary>Requests that no batch has taken yet.</summary>
    internal int Waiting
    {
        get
        {
            lock (waiting)
            {
                return waiting.Count;
            }
        }
    }

    /// <summary>The pixels of one image, embedded together with whatever else is waiting -> D numbers.</summary>
    internal Task<float[]> One(byte[] pixels, CancellationToken cancellationToken) => Put(new Request(pixels, 1, false, cancellationToken));

    /// <summary>The pixels of a batch, embedded as one -> B D numbers. They must not change until the task has ended.</summary>
    internal Task<float[]> Batch(byte[] pixels, int count, CancellationToken cancellationToken) => Put(new Request(pixels, count, true, cancellationToken));

    /// <summary>Lets the current batch finish; everything else that is waiting fails with an ObjectDisposedException.</summary>
    public void Dispose()
    {
        if (End())
        {
            worked.Task.GetAwaiter().GetResult();
            network.Dispose();
        }
    }

    /// <inheritdoc cref="Dispose"/>
    public async ValueTask DisposeAsync()
    {
        if (End())
        {
            await worked.Task.ConfigureAwait(false);
            network.Dispose();
        }
    }

    /// <summary>Takes no more requests; whether it took any before.</summary>
    private bool End()
    {
        lock (waiting)
        {
            var first = !ended;
            ended = true;
            Monitor.Pulse(waiting);
            return first;
        }
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

        worked.SetResult();
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

    /// <summary>The first request alone if it is already a batch, else the waiting requests up to the next batch, without cancelled ones.</summary>
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
                throw new InvalidOperationException($"{network.GetType().Name} gave {rows.Length} numbers for {count} images, not {count} x {network.Dimension}.");
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
        // Otherwise a caller's continuation would run on the network's thread.
        internal TaskCompletionSource<float[]> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
