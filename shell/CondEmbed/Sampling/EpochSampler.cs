namespace CondEmbed.Sampling;

/// <summary>A sampler that plans a whole epoch at a time. The latest plan is kept, since steps are mostly requested in order.</summary>
public abstract class EpochSampler : IBatchSampler
{
    private Epoch? latest;

    private protected EpochSampler(int batch) => BatchSize = batch;

    /// <inheritdoc/>
    public int BatchSize { get; }

    /// <inheritdoc/>
    public int StepsPerEpoch { get; private protected init; }

    /// <inheritdoc/>
    public int[] Batch(int step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        var number = step / StepsPerEpoch;
        var epoch = Volatile.Read(ref latest);
        if (epoch is null || epoch.Number != number)
        {
            epoch = new Epoch(number, new int[StepsPerEpoch * BatchSize]);
            Plan(number, epoch.Items);
            Volatile.Write(ref latest, epoch);
        }

        return epoch.Items.AsSpan(step % StepsPerEpoch * BatchSize, BatchSize).ToArray();
    }

    /// <summary>Fills the batches of an epoch, one after another.</summary>
    private protected abstract void Plan(int epoch, Span<int> batches);

    private sealed record Epoch(int Number, int[] Items);
}
