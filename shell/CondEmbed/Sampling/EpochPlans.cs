namespace CondEmbed.Sampling;

/// <summary>Cuts the plans of epochs into batches, and caches the latest plan, since steps are mostly requested in order.</summary>
/// <param name="batch">Images in a batch.</param>
/// <param name="steps">Batches in an epoch.</param>
/// <param name="plan">The items of all batches of an epoch, one batch after another, by the number of the epoch.</param>
internal sealed class EpochPlans(int batch, int steps, Func<int, int[]> plan)
{
    private Epoch? latest;

    internal int[] Batch(int step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        var number = step / steps;
        var epoch = Volatile.Read(ref latest);
        if (epoch is null || epoch.Number != number)
        {
            epoch = new Epoch(number, plan(number));
            Volatile.Write(ref latest, epoch);
        }

        return epoch.Items.AsSpan(step % steps * batch, batch).ToArray();
    }

    private sealed record Epoch(int Number, int[] Items);
}
