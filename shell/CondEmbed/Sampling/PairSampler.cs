using CondEmbed.Datasets;

namespace CondEmbed.Sampling;

/// <summary>
/// Pairs of alike images in a fresh random order each epoch, both images of a pair in one batch, so that it has something to bring together. An image that is in several pairs of
/// a batch is there once, and further pairs take the place. A last place, and all places where there are too few pairs, are for random images.
/// </summary>
public sealed class PairSampler : EpochSampler
{
    private readonly IReadOnlyList<int> items;
    private readonly IReadOnlyList<ImagePair> pairs;
    private readonly ulong seed;

    /// <summary>Sets up sampling.</summary>
    /// <param name="items">The numbers of the training images.</param>
    /// <param name="pairs">Pairs of these that are alike.</param>
    /// <param name="batch">Images in a batch.</param>
    /// <param name="seed">The seed of everything random.</param>
    /// <exception cref="InputException">There are no pairs, or a batch is smaller than a pair or larger than the number of images.</exception>
    public PairSampler(IReadOnlyList<int> items, IReadOnlyList<ImagePair> pairs, int batch, ulong seed)
        : base(batch)
    {
        if (pairs.Count == 0)
        {
            throw new InputException("there are no pairs of alike images to train on");
        }

        if (batch < 2 || batch > items.Count)
        {
            throw new InputException($"a batch of {batch} cannot be made of pairs of {items.Count} images to train on; 2 to {items.Count} would work");
        }

        (this.items, this.pairs, this.seed) = (items, pairs, seed);
        StepsPerEpoch = Math.Max(1, pairs.Count / (batch / 2));
    }

    private protected override void Plan(int epoch, Span<int> batches)
    {
        var dealt = new EvenDealer(pairs.Count, SeededRandom.Of(seed, (ulong)epoch));
        var others = new EvenDealer(items.Count, SeededRandom.Of(seed, (ulong)epoch, 1));
        Span<int> one = stackalloc int[1];
        for (var start = 0; start < batches.Length; start += BatchSize)
        {
            var batch = batches.Slice(start, BatchSize);
            var filled = 0;
            for (var tried = 0; tried < pairs.Count && filled + 2 <= batch.Length; tried++)
            {
                dealt.Deal(one);
                Add(pairs[one[0]].First, batch, ref filled);
                Add(pairs[one[0]].Second, batch, ref filled);
            }

            while (filled < batch.Length)
            {
                others.Deal(one);
                Add(items[one[0]], batch, ref filled);
            }
        }
    }

    private static void Add(int item, Span<int> batch, ref int filled)
    {
        if (!batch[..filled].Contains(item))
        {
            batch[filled++] = item;
        }
    }
}
