namespace CondEmbed.Sampling;

/// <summary>
/// All images in a fresh random order each epoch, whatever their classes: for losses with proxies. Images that do not fill the last batch of an epoch are left
/// out of that epoch.
/// </summary>
public sealed class ShuffledSampler : EpochSampler
{
    private readonly IReadOnlyList<int> items;
    private readonly ulong seed;

    /// <summary>Sets up sampling.</summary>
    /// <param name="items">The numbers to draw from: those of the training images.</param>
    /// <param name="batch">Images in a batch.</param>
    /// <param name="seed">The seed of everything random.</param>
    /// <exception cref="InputException">A batch is empty, or larger than the number of images.</exception>
    public ShuffledSampler(IReadOnlyList<int> items, int batch, ulong seed)
        : base(batch)
    {
        if (batch < 1 || batch > items.Count)
        {
            throw new InputException($"a batch of {batch} cannot be filled with {items.Count} images to train on; 2 to {items.Count} would work");
        }

        (this.items, this.seed) = (items, seed);
        StepsPerEpoch = items.Count / batch;
    }

    private protected override void Plan(int epoch, Span<int> batches)
    {
        new EvenDealer(items.Count, SeededRandom.Of(seed, (ulong)epoch)).Deal(batches);
        foreach (ref var item in batches)
        {
            item = items[item];
        }
    }
}
