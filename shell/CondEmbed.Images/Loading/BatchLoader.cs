namespace CondEmbed.Images;

/// <summary>What a batch holds: indices into the source and the class label of each.</summary>
/// <param name="Indices">B indices.</param>
/// <param name="Labels">B labels.</param>
public sealed record BatchPlan(int[] Indices, long[] Labels)
{
    /// <summary>The slot of the first image, where these are a part of a batch that several processes share.</summary>
    public int First { get; init; }
}

/// <summary>How a loader works; none of it affects the result.</summary>
/// <param name="Workers">Threads that decode and transform; 0 is <see cref="ComputeThreads.Count"/>.</param>
/// <param name="Prefetch">Batches prepared ahead of the one in use, at least 1.</param>
public sealed record LoaderOptions(int Workers = 0, int Prefetch = 3);

/// <summary>
/// Prepares batches on threads of its own, ahead of use and in step order. The pixels of an image depend on the seed, the step and
/// its slot alone, so they are the same for any number of workers and for a run resumed at any step.
/// </summary>
/// <param name="reader">Reads and decodes.</param>
/// <param name="options">Threads and prefetch depth.</param>
public sealed class BatchLoader(ImageReader reader, LoaderOptions? options = null)
{
    private readonly LoaderOptions options = options ?? new LoaderOptions();

    /// <summary>The batches of steps first to end - 1. Leaving the loop early stops the workers.</summary>
    /// <param name="plan">The batch of a step; called on one thread, step after step. Indices may repeat.</param>
    /// <param name="transform">Makes the view of each image.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="first">The first step.</param>
    /// <param name="end">One after the last step.</param>
    /// <param name="cancellationToken">Ends the loop with an OperationCanceledException.</param>
    /// <exception cref="BadImageException">An image of the step cannot be used; thrown when its batch is due.</exception>
    public IEnumerable<PixelBatch> Run(
        Func<int, BatchPlan> plan, IImageTransform transform, long seed, int first, int end, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(transform);
        return Iterate(new LoaderJobs(reader, transform, seed, null), plan, first, end, cancellationToken);
    }

    /// <summary>Images one after another in batches; the last one may be smaller.</summary>
    /// <param name="indices">Which images, in order.</param>
    /// <param name="labels">The label of each image; null for all zeros.</param>
    /// <param name="batchSize">Images per batch.</param>
    /// <param name="transform">Makes the view of each image; draws from seed 0 if it draws at all.</param>
    /// <param name="skipBad">
    /// Called with each image that cannot be used, which is then left out of its batch (an empty batch is left out, too); null
    /// throws instead. Called on the consumer's thread, in order.
    /// </param>
    /// <param name="cancellationToken">Ends the loop with an OperationCanceledException.</param>
    /// <exception cref="BadImageException">An image cannot be used and bad images are not skipped.</exception>
    public IEnumerable<PixelBatch> InOrder(
        IReadOnlyList<int> indices, IReadOnlyList<long>? labels, int batchSize, IImageTransform transform,
        Action<BadImage>? skipBad = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(indices);
        ArgumentNullException.ThrowIfNull(transform);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        if (labels is not null && labels.Count != indices.Count)
            throw new ArgumentException($"{labels.Count} labels for {indices.Count} images.", nameof(labels));
        var batches = (indices.Count + batchSize - 1) / batchSize;
        return Iterate(new LoaderJobs(reader, transform, 0, skipBad), Part, 0, batches, cancellationToken);

        BatchPlan Part(int step)
        {
            var (start, count) = (step * batchSize, Math.Min(batchSize, indices.Count - step * batchSize));
            var chosen = new int[count];
            var chosenLabels = new long[count];
            for (var i = 0; i < count; i++)
            {
                chosen[i] = indices[start + i];
                chosenLabels[i] = labels?[start + i] ?? 0;
            }

            return new BatchPlan(chosen, chosenLabels);
        }
    }

    private IEnumerable<PixelBatch> Iterate(LoaderJobs jobs, Func<int, BatchPlan> plan, int first, int end, CancellationToken cancellationToken)
    {
        var workers = ComputeThreads.Or(options.Workers);
        using var run = new LoaderRun(jobs, plan, first, end, workers, Math.Max(options.Prefetch, 1), cancellationToken);
        while (run.Next() is { } job)
            if (jobs.Finish(job) is { } batch)
                yield return batch;
    }
}
