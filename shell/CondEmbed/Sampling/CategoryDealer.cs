using CondEmbed.Common;
using CondEmbed.Images;

namespace CondEmbed.Sampling;

/// <summary>
/// Deals the images of one epoch, a category at a time: the classes of a category occur equally often, and so do the images of a class. A
/// class is dealt once in a hand, and an image once unless its class has too few.
/// </summary>
internal sealed class CategoryDealer
{
    private readonly CategoryTree tree;
    private readonly CategoryShape shape;
    private readonly EvenDealer[] classes;
    private readonly EvenDealer[][] images;

    internal CategoryDealer(CategoryTree tree, CategoryShape shape, ulong seed, int epoch)
    {
        this.tree = tree;
        this.shape = shape;
        var categories = Enumerable.Range(0, tree.Names.Count).ToArray();
        classes = [.. categories.Select(category => new EvenDealer(tree.ClassesOf(category), Random(category, 0)))];
        images =
        [
            .. categories.Select(category => Enumerable.Range(0, tree.ClassesOf(category))
                .Select(one => new EvenDealer(tree.ItemsOf(category, one).Length, Random(category, one + 1))).ToArray()),
        ];

        SeededRandom Random(int category, int stream) => SeededRandom.Of(seed, (ulong)epoch, (ulong)category + 1, (ulong)stream);
    }

    /// <summary>Fills a batch with images of some categories, category after category, class after class.</summary>
    internal void Deal(IReadOnlyList<int> categories, Span<int> batch)
    {
        var filled = 0;
        var chosen = new int[shape.Classes];
        foreach (var category in categories)
        {
            classes[category].Deal(chosen);
            foreach (var one in chosen)
            {
                var hand = batch.Slice(filled, shape.PerClass);
                images[category][one].Deal(hand);
                foreach (ref var item in hand)
                {
                    item = tree.ItemsOf(category, one)[item];
                }

                filled += shape.PerClass;
            }
        }
    }
}
