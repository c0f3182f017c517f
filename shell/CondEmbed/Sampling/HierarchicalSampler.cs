namespace CondEmbed.Sampling;

/// <summary>
/// Batches of a few categories (super-classes), so that most negatives are similar: in an epoch each combination of categories makes
/// as many batches, in random order; a batch holds as many classes of each of its categories, with m images each. As the HierarchicalSampler of
/// pytorch-metric-learning (after Kun He's Deep-Metric-Learning-Baselines), except that every batch is full: a category
/// with too few classes is an error, and a class with fewer than m images repeats them.
/// </summary>
public sealed class HierarchicalSampler : CategorySampler
{
    // The plan of an epoch is held in memory.
    private const long MostImages = 1 << 26;

    private readonly int batchesPerCombination;

    /// <summary>Sets up sampling.</summary>
    /// <param name="items">The numbers to draw from: those of the training images.</param>
    /// <param name="labels">The class of each item.</param>
    /// <param name="categories">The category of each item's class.</param>
    /// <param name="batch">Images in a batch: a multiple of perClass times categoriesPerBatch.</param>
    /// <param name="perClass">Images of each class in a batch, m.</param>
    /// <param name="categoriesPerBatch">Categories in a batch.</param>
    /// <param name="batchesPerCombination">Batches of each combination of categories in an epoch.</param>
    /// <param name="seed">The seed of everything random.</param>
    /// <exception cref="InputException">The numbers do not fit together, or there are too many combinations.</exception>
    public HierarchicalSampler(
        IReadOnlyList<int> items,
        IReadOnlyList<long> labels,
        IReadOnlyList<string> categories,
        int batch,
        int perClass,
        int categoriesPerBatch,
        int batchesPerCombination,
        ulong seed)
        : base(items, labels, categories, batch, perClass, categoriesPerBatch, seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchesPerCombination, 1);
        this.batchesPerCombination = batchesPerCombination;
        StepsPerEpoch = Steps();
    }

    // Counted before anything is built. Choosing k of n is leaving out n - k; counted by the lesser of the two, the running product is whole, never
    // falls, and cannot overflow below the bound.
    private int Steps()
    {
        var most = MostImages / BatchSize / batchesPerCombination;
        var combinations = 1L;
        var chosen = Math.Min(PerBatch, Categories - PerBatch);
        for (var i = 0; i < chosen && combinations <= most; i++)
        {
            combinations = combinations * (Categories - i) / (i + 1);
        }

        return combinations <= most
            ? (int)combinations * batchesPerCombination
            : throw new InputException(
                $"{Categories} categories have more than {most} combinations of {PerBatch}, too many for an epoch with {batchesPerCombination} "
                + "batches of each; take 2 categories per batch, or draw categories at random (category-balanced)");
    }

    private protected override IEnumerable<IReadOnlyList<int>> CategoriesIn(int epoch)
    {
        var order = new int[StepsPerEpoch];
        new EvenDealer(StepsPerEpoch, RandomOf(epoch)).Deal(order);
        var combinations = Combinations();
        return order.Select(place => combinations[place / batchesPerCombination]);
    }

    // All combinations of categories in lexical order.
    private List<int[]> Combinations()
    {
        var all = new List<int[]>();
        var current = Enumerable.Range(0, PerBatch).ToArray();
        while (true)
        {
            all.Add([.. current]);
            var at = PerBatch - 1;
            while (at >= 0 && current[at] == Categories - PerBatch + at)
            {
                at--;
            }

            if (at < 0)
            {
                return all;
            }

            current[at]++;
            for (var i = at + 1; i < current.Length; i++)
            {
                current[i] = current[i - 1] + 1;
            }
        }
    }
}
