using System.Collections.Concurrent;

namespace CondEmbed.Images;

/// <summary>A batch being prepared. Its slots are filled by whichever worker is free.</summary>
internal sealed class LoaderJob(int step, BatchPlan plan, byte[] pixels)
{
    private int left = plan.Indices.Length;

    internal int Step => step;

    internal BatchPlan Plan => plan;

    internal byte[] Pixels => pixels;

    /// <summary>Set when all slots are filled.</summary>
    internal ManualResetEventSlim Filled { get; } = new(plan.Indices.Length == 0);

    /// <summary>How long the consumer waited for this batch.</summary>
    internal TimeSpan Waited { get; set; }

    /// <summary>What went wrong, by slot. Only complete batches are examined, so that the outcome does not depend on the workers.</summary>
    internal ConcurrentDictionary<int, Exception> Problems { get; } = new();

    internal void SlotFinished()
    {
        if (Interlocked.Decrement(ref left) == 0)
            Filled.Set();
    }
}

/// <summary>What is done for each batch: buffers, pixels, problems.</summary>
internal sealed class LoaderJobs(ImageReader reader, IImageTransform transform, long seed, Action<BadImage>? skipBad)
{
    private readonly int side = transform.OutputSize;
    private readonly ConcurrentBag<byte[]> spare = [];

    internal LoaderJob Start(int step, BatchPlan plan)
    {
        if (plan.Indices.Length != plan.Labels.Length)
            throw new ArgumentException($"Step {step} has {plan.Indices.Length} images but {plan.Labels.Length} labels.");
        var length = checked(plan.Indices.Length * side * side * 3);
        // All batches have the same size except the last; a spare buffer of another size is dropped.
        if (!spare.TryTake(out var pixels) || pixels.Length != length)
            pixels = GC.AllocateUninitializedArray<byte>(length);
        return new LoaderJob(step, plan, pixels);
    }

    internal void Fill(LoaderJob job, int slot)
    {
        try
        {
            var random = SeededRandom.For(seed, job.Step, job.Plan.First + slot);
            reader.View(job.Plan.Indices[slot], transform, ref random, job.Pixels.AsSpan(slot * side * side * 3, side * side * 3));
        }
        catch (Exception problem)
        {
            job.Problems[slot] = problem;
        }
    }

    /// <summary>The finished batch; null when all its images were skipped.</summary>
    internal PixelBatch? Finish(LoaderJob job)
    {
        var (pixels, indices, labels) = (job.Pixels, job.Plan.Indices, job.Plan.Labels);
        if (job.Problems.IsEmpty)
            return new PixelBatch(job.Step, side, pixels, indices, labels, spare.Add) { Waited = job.Waited };

        var good = new List<int>(indices.Length);
        for (var slot = 0; slot < indices.Length; slot++)
        {
            if (!job.Problems.TryGetValue(slot, out var problem))
            {
                good.Add(slot);
                continue;
            }

            var bad = problem as BadImageException;
            if (bad is not null)
                Telemetry.BadImages.Add(1);
            if (bad is null || skipBad is null)
                throw Named(problem, indices[slot], job.Step);
            skipBad(new BadImage(indices[slot], bad.Name, bad.Reason));
        }

        return good.Count == 0 ? null : Kept(job, good);
    }

    private PixelBatch Kept(LoaderJob job, List<int> good)
    {
        var bytes = side * side * 3;
        var pixels = GC.AllocateUninitializedArray<byte>(good.Count * bytes);
        for (var i = 0; i < good.Count; i++)
            job.Pixels.AsSpan(good[i] * bytes, bytes).CopyTo(pixels.AsSpan(i * bytes));
        spare.Add(job.Pixels);
        int[] indices = [.. good.Select(slot => job.Plan.Indices[slot])];
        long[] labels = [.. good.Select(slot => job.Plan.Labels[slot])];
        return new PixelBatch(job.Step, side, pixels, indices, labels, null) { Waited = job.Waited };
    }

    // A new exception, so that the stack trace is the consumer's.
    private Exception Named(Exception problem, int index, int step) => problem is BadImageException bad
        ? new BadImageException(bad.Name, bad.Reason)
        : new InvalidOperationException($"Loading image {index} ({NameOf(index)}) for step {step} failed: {problem.Message}", problem);

    private string NameOf(int index) =>
        index >= 0 && index < reader.Source.Count ? reader.Source.NameOf(index) : $"outside the {reader.Source.Count} images of the source";
}
