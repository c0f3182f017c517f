using CondEmbed.Common;

namespace CondEmbed.Sampling;

/// <summary>The images to draw from, by their classes, and the classes by their categories.</summary>
internal sealed class CategoryTree
{
    private readonly int[][][] items;

    /// <summary>Checks that every batch can be filled.</summary>
    /// <param name="items">The numbers to draw from.</param>
    /// <param name="labels">The class of each item.</param>
    /// <param name="categories">The category of each item's class.</param>
    /// <param name="shape">The shape of a batch.</param>
    /// <exception cref="InputException">The numbers do not fit together; all problems are named.</exception>
    internal CategoryTree(IReadOnlyList<int> items, IReadOnlyList<long> labels, IReadOnlyList<string> categories, CategoryShape shape)
    {
        if (items.Count != labels.Count || items.Count != categories.Count)
        {
            throw new ArgumentException($"{items.Count} items, {labels.Count} labels and {categories.Count} categories", nameof(labels));
        }

        DemandOneCategory(labels, categories);
        shape.Check();
        var tree = items.Select((item, at) => (item, Label: labels[at], Category: categories[at]))
            .GroupBy(entry => entry.Category, StringComparer.Ordinal)
            .OrderBy(group => group.Key, StringComparer.Ordinal)
            .ToArray();
        Names = [.. tree.Select(group => group.Key)];
        this.items = [.. tree.Select(group => group.GroupBy(entry => entry.Label, entry => entry.item)
            .OrderBy(one => one.Key).Select(one => one.ToArray()).ToArray())];
        Demand(shape);
    }

    /// <summary>The names of the categories.</summary>
    internal IReadOnlyList<string> Names { get; }

    /// <summary>The number of classes of a category.</summary>
    internal int ClassesOf(int category) => items[category].Length;

    /// <summary>The items of a class of a category.</summary>
    internal int[] ItemsOf(int category, int one) => items[category][one];

    private static void DemandOneCategory(IReadOnlyList<long> labels, IReadOnlyList<string> categories)
    {
        var categoryOf = new Dictionary<long, string>();
        var problems = new SortedSet<string>(StringComparer.Ordinal);
        for (var at = 0; at < labels.Count; at++)
        {
            if (categoryOf.TryGetValue(labels[at], out var other) && other != categories[at])
            {
                problems.Add($"class {labels[at]} is in the category '{other}' and in '{categories[at]}'; it must be in one");
            }

            categoryOf.TryAdd(labels[at], categories[at]);
        }

        if (problems.Count > 0)
        {
            throw new InputException(problems);
        }
    }

    private void Demand(CategoryShape shape)
    {
        var problems = new List<string>();
        if (Names.Count < shape.Categories)
        {
            problems.Add($"a batch of {shape.Categories} categories needs at least as many, but there are {Names.Count} to train on");
        }

        var small = Enumerable.Range(0, Names.Count).Where(category => ClassesOf(category) < shape.Classes).ToArray();
        if (small.Length > 0)
        {
            var named = string.Join(", ", small.Take(5).Select(category => $"'{Names[category]}' has {ClassesOf(category)}"));
            var would = (long)small.Min(ClassesOf) * shape.Categories * shape.PerClass;
            var way = would < BatchSizes.Least(shape.PerClass * shape.Categories, shape.PerClass)
                ? "draw without categories (m-per-class), or take more categories per batch"
                : $"a batch of {would} would work";
            problems.Add(
                $"a batch of {shape.Batch} with {shape.Categories} categories and {shape.PerClass} images per class needs {shape.Classes} classes of each category, but "
                + $"{named}{(small.Length > 5 ? ", ..." : "")}; {way}");
        }

        if (problems.Count > 0)
        {
            throw new InputException(problems);
        }
    }
}
