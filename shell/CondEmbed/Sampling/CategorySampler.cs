namespace CondEmbed.Sampling;

/// <summary>Batches of some categories (super-classes): as many classes of each, with m images each.</summary>
public abstract class CategorySampler : EpochSampler
{
    private readonly IReadOnlyList<string> names;
    private readonly int[][][] items;
    private readonly int perClass;
    private readonly ulong seed;

    private protected CategorySampler(
        IReadOnlyList<int> items, IReadOnlyList<long> labels, IReadOnlyList<string> categories, int batch, int perClass, int categoriesPerBatch, ulong seed)
        : base(batch)
    {
        if (items.Count != labels.Count || items.Count != categories.Count)
        {
            throw new ArgumentException($"{items.Count} items, {labels.Count} labels and {categories.Count} categories", nameof(labels));
        }

        (this.perClass, PerBatch, this.seed) = (perClass, categoriesPerBatch, seed);
        DemandOneCategory(labels, categories);
        DemandShape();
        var tree = items.Select((item, at) => (item, Label: labels[at], Category: categories[at]))
            .GroupBy(entry => entry.Category, StringComparer.Ordinal)
            .OrderBy(group => group.Key, StringComparer.Ordinal)
            .ToArray();
        names = [.. tree.Select(group => group.Key)];
        this.items = [.. tree.Select(group => group.GroupBy(entry => entry.Label, entry => entry.item)
            .OrderBy(one => one.Key).Select(one => one.ToArray()).ToArray())];
        DemandClasses();
    }

    /// <summary>Categories in a batch.</summary>
    private protected int PerBatch { get; }

    /// <summary>How many categories there are.</summary>
    private protected int Categories => names.Count;

    // Classes of each category in a batch.
    private int Classes => BatchSize / perClass / PerBatch;

    /// <summary>The number of classes of a category.</summary>
    private protected int ClassesOf(int category) => items[category].Length;

    /// <summary>A stream of random numbers for the categories of an epoch.</summary>
    private protected SeededRandom RandomOf(int epoch) => SeededRandom.Of(seed, (ulong)epoch, 0);

    /// <summary>The categories of each batch of an epoch.</summary>
    private protected abstract IEnumerable<IReadOnlyList<int>> CategoriesIn(int epoch);

    private protected sealed override void Plan(int epoch, Span<int> batches)
    {
        ClassDealer[] dealers =
        [
            .. items.Select((classes, category) => new ClassDealer(classes, stream => SeededRandom.Of(seed, (ulong)epoch, (ulong)category + 1, stream))),
        ];
        var share = BatchSize / PerBatch;
        foreach (var category in CategoriesIn(epoch).SelectMany(categories => categories))
        {
            dealers[category].Deal(perClass, batches[..share]);
            batches = batches[share..];
        }
    }

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

    private void DemandShape()
    {
        if (BatchSize < 1 || perClass < 1 || PerBatch < 1)
        {
            throw new InputException($"a batch of {BatchSize} with {PerBatch} categories and {perClass} images per class: all must be at least 1");
        }

        if (BatchSizes.Problem(BatchSize, (long)perClass * PerBatch, perClass, $"{PerBatch} categories times {perClass} images per class") is { } problem)
        {
            throw new InputException(problem);
        }
    }

    private void DemandClasses()
    {
        var problems = new ProblemList();
        if (Categories < PerBatch)
        {
            problems.Add($"a batch of {PerBatch} categories needs at least as many, but there are {Categories} to train on");
        }

        var small = Enumerable.Range(0, Categories).Where(category => ClassesOf(category) < Classes).ToArray();
        if (small.Length > 0)
        {
            var named = string.Join(", ", small.Take(5).Select(category => $"'{names[category]}' has {ClassesOf(category)}"));
            var would = (long)small.Min(ClassesOf) * PerBatch * perClass;
            var way = would < BatchSizes.Least(perClass * PerBatch, perClass)
                ? "draw without categories (m-per-class), or take more categories per batch"
                : $"a batch of {would} would work";
            problems.Add(
                $"a batch of {BatchSize} with {PerBatch} categories and {perClass} images per class needs {Classes} classes of each category, but "
                + $"{named}{(small.Length > 5 ? ", ..." : "")}; {way}");
        }

        problems.ThrowIfAny();
    }
}
