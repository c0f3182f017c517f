namespace CondEmbed.Sampling;

/// <summary>
/// Batches of some categories drawn at random, a category with a probability in proportion to its number of classes, no category twice in a
/// batch; as many classes of each, with m images each, of which a class with fewer repeats some. As open-metric-learning's CategoryBalanceSampler with its defaults (weighted categories, no
/// label twice), with n_labels = batch / (categories m); except that an epoch has as many images as there are, give or take a batch.
/// </summary>
public sealed class CategoryBalancedSampler : CategorySampler
{
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
        : base(items, labels, categories, batch, perClass, categoriesPerBatch, seed) => StepsPerEpoch = Math.Max(1, items.Count / batch);

    private protected override IEnumerable<IReadOnlyList<int>> CategoriesIn(int epoch)
    {
        var random = RandomOf(epoch);
        for (var step = 0; step < StepsPerEpoch; step++)
        {
            // One category after another, each by the weights of those that are left.
            var left = Enumerable.Range(0, Categories).ToList();
            var drawn = new List<int>(PerBatch);
            while (drawn.Count < PerBatch)
            {
                var place = random.Next(left.Sum(ClassesOf));
                var at = 0;
                for (; place >= ClassesOf(left[at]); at++)
                {
                    place -= ClassesOf(left[at]);
                }

                drawn.Add(left[at]);
                left.RemoveAt(at);
            }

            yield return drawn;
        }
    }
}
