using CondEmbed.Common;
using CondEmbed.Images;

namespace CondEmbed.Sampling;

/// <summary>
/// Batches of a few categories (super-classes), so that most negatives are similar: in an epoch each combination of categories makes
/// as many batches, in random order; a batch holds as many classes of each of its categories, with m images each. As the HierarchicalSampler of
/// pytorch-metric-learning (after Kun He's Deep-Metric-Learning-Baselines), except that every batch is full: a category
/// with too few classes is an error, and a class with fewer than m images repeats them.
/// </summary>
public sealed class HierarchicalSampler : IBatchSampler
{
    // The plan of an epoch is held in memory.
    private const long MostImages = 1 << 26;

    private readonly CategoryTree tree;
    private readonly CategoryShape shape;
    private readonly int batchesPerCombination;
    private readonly ulong seed;
    private readonly EpochPlans plans;

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
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchesPerCombination, 1);
        shape = new CategoryShape(batch, perClass, categoriesPerBatch);
        tree = new CategoryTree(items, labels, categories, shape);
        this.batchesPerCombination = batchesPerCombination;
        this.seed = seed;
        StepsPerEpoch = Steps();
        plans = new EpochPlans(batch, StepsPerEpoch, Plan);
    }

    /// <inheritdoc/>
    public int BatchSize => shape.Batch;

    /// <inheritdoc/>
    public int StepsPerEpoch { get; }

    /// <inheritdoc/>
    public int[] Batch(int step) => plans.Batch(step);

    // Counted before anything is built. Choosing k of n is leaving out n - k; counted by the lesser of the two, the running product is whole, never
    // falls, and cannot overflow below the bound.
    private int Steps()
    {
        var most = MostImages / shape.Batch / batchesPerCombination;
        var combinations = 1L;
        var chosen = Math.Min(shape.Categories, tree.Names.Count - shape.Categories);
        for (var i = 0; i < chosen && combinations <= most; i++)
        {
            combinations = combinations * (tree.Names.Count - i) / (i + 1);
        }

        return combinations <= most
            ? (int)combinations * batchesPerCombination
            : throw new InputException(
                $"{tree.Names.Count} categories have more than {most} combinations of {shape.Categories}, too many for an epoch with {batchesPerCombination} "
                + "batches of each; take 2 categories per batch, or draw categories at random (category-balanced)");
    }

    private int[] Plan(int epoch)
    {
        var order = new int[StepsPerEpoch];
        new EvenDealer(StepsPerEpoch, SeededRandom.Of(seed, (ulong)epoch, 0)).Deal(order);
        var dealer = new CategoryDealer(tree, shape, seed, epoch);
        var combinations = Combinations();
        var plan = new int[StepsPerEpoch * BatchSize];
        for (var step = 0; step < order.Length; step++)
        {
            dealer.Deal(combinations[order[step] / batchesPerCombination], plan.AsSpan(step * BatchSize, BatchSize));
        }

        return plan;
    }

    // All combinations of categories in lexical order.
    private List<int[]> Combinations()
    {
        var all = new List<int[]>();
        var current = Enumerable.Range(0, shape.Categories).ToArray();
        while (true)
        {
            all.Add([.. current]);
            var at = shape.Categories - 1;
            while (at >= 0 && current[at] == tree.Names.Count - shape.Categories + at)
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
