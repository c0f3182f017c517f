using CondEmbed.Common;
using CondEmbed.Images;

namespace CondEmbed.Sampling;

/// <summary>
/// Batches of some categories drawn at random, a category with a probability in proportion to its number of classes, no category twice in a
/// batch; as many classes of each, with m images each. As open-metric-learning's CategoryBalanceSampler with its defaults (weighted categories, no
/// label twice), with n_labels = batch / (categories m); except that an epoch has as many images as there are, give or take a batch.
/// </summary>
public sealed class CategoryBalancedSampler : IBatchSampler
{
    private readonly CategoryTree tree;
    private readonly CategoryShape shape;
    private readonly ulong seed;
    private readonly EpochPlans plans;

    /// <summary>Sets up sampling.</summary>
    /// <param name="items">The numbers to draw from: those of the training images.</param>
    /// <param name="labels">The class of each item.</param>
    /// <param name="categories">The category of each item's class.</param>
    /// <param name="batch">Images in a batch: a multiple of perClass times categoriesPerBatch.</param>
    /// <param name="perClass">Images of each class in a batch, m.</param>
    /// <param name="categoriesPerBatch">Categories in a batch.</param>
    /// <param name="seed">The seed of everything random.</param>
    /// <exception cref="InputException">The numbers do not fit together.</exception>
    public CategoryBalancedSampler(
        IReadOnlyList<int> items,
        IReadOnlyList<long> labels,
        IReadOnlyList<string> categories,
        int batch,
        int perClass,
        int categoriesPerBatch,
        ulong seed)
    {
        shape = new CategoryShape(batch, perClass, categoriesPerBatch);
        tree = new CategoryTree(items, labels, categories, shape);
        this.seed = seed;
        StepsPerEpoch = Math.Max(1, items.Count / batch);
        plans = new EpochPlans(batch, StepsPerEpoch, Plan);
    }

    /// <inheritdoc/>
    public int BatchSize => shape.Batch;

    /// <inheritdoc/>
    public int StepsPerEpoch { get; }

    /// <inheritdoc/>
    public int[] Batch(int step) => plans.Batch(step);

    private int[] Plan(int epoch)
    {
        var random = SeededRandom.Of(seed, (ulong)epoch, 0);
        var dealer = new CategoryDealer(tree, shape, seed, epoch);
        var plan = new int[StepsPerEpoch * BatchSize];
        for (var step = 0; step < StepsPerEpoch; step++)
        {
            dealer.Deal(Draw(ref random), plan.AsSpan(step * BatchSize, BatchSize));
        }

        return plan;
    }

    // One category after another, each by the weights of those that are left.
    private List<int> Draw(ref SeededRandom random)
    {
        var left = Enumerable.Range(0, tree.Names.Count).ToList();
        var drawn = new List<int>(shape.Categories);
        while (drawn.Count < shape.Categories)
        {
            var place = random.Next(left.Sum(tree.ClassesOf));
            var at = 0;
            for (; place >= tree.ClassesOf(left[at]); at++)
            {
                place -= tree.ClassesOf(left[at]);
            }

            drawn.Add(left[at]);
            left.RemoveAt(at);
        }

        return drawn;
    }
}
