namespace CondEmbed.Sampling;

/// <summary>
/// Batches of exactly batch / m classes with m images each. Images of a class are distinct within a batch, but for classes with fewer
/// than m images, whose images repeat. Over an epoch every class occurs equally often, give or take one, and so do the images of a class.
/// The batch of a step is a function of the seed and the step alone, so a resumed run needs only its step number.
/// </summary>
public sealed class MPerClassSampler : EpochSampler
{
    private readonly int[][] itemsOfClass;
    private readonly ulong seed;

    /// <summary>Sets up sampling.</summary>
    /// <param name="items">The numbers to draw from: those of the training images.</param>
    /// <param name="labels">The class of each item.</param>
    /// <param name="batch">Images in a batch: a multiple of <paramref name="perClass"/>, with at least two classes.</param>
    /// <param name="perClass">Images of each class in a batch, m.</param>
    /// <param name="seed">The seed of everything random.</param>
    /// <param name="stepsPerEpoch">Batches in an epoch; by default items / batch, at least 1.</param>
    /// <exception cref="InputException">The numbers do not fit together; all problems are named.</exception>
    public MPerClassSampler(
        IReadOnlyList<int> items,
        IReadOnlyList<long> labels,
        int batch,
        int perClass,
        ulong seed,
        int? stepsPerEpoch = null)
        : base(batch)
    {
        if (items.Count != labels.Count)
        {
            throw new ArgumentException($"{items.Count} items but {labels.Count} labels", nameof(labels));
        }

        itemsOfClass = [.. items.Zip(labels).GroupBy(pair => pair.Second, pair => pair.First).OrderBy(group => group.Key).Select(group => group.ToArray())];
        Check(batch, perClass, stepsPerEpoch, itemsOfClass.Length);
        PerClass = perClass;
        StepsPerEpoch = stepsPerEpoch ?? Math.Max(1, items.Count / batch);
        this.seed = seed;
    }

    /// <summary>Images of each class in a batch.</summary>
    public int PerClass { get; }

    /// <summary>Classes to draw from.</summary>
    public int ClassCount => itemsOfClass.Length;

    /// <summary>Classes with fewer than m images, which repeat images within a batch.</summary>
    public int SmallClassCount => itemsOfClass.Count(items => items.Length < PerClass);

    private static void Check(int batch, int perClass, int? stepsPerEpoch, int classes)
    {
        var problems = new ProblemList();
        if (batch < 1 || perClass < 1)
        {
            problems.Add($"a batch of {batch} with {perClass} images per class: both must be at least 1");
        }
        else if (BatchSizes.Problem(batch, perClass, perClass, $"{perClass} images per class") is { } problem)
        {
            problems.Add(problem);
        }
        else if (classes < batch / perClass)
        {
            var way = classes < 2 ? "give more classes" : $"a batch of {classes * perClass} would work: {Wording.Setting("batch", $"{classes * perClass}")}";
            problems.Add($"a batch of {batch} with {perClass} images per class needs {batch / perClass} classes, but there are {classes} to train on; {way}");
        }

        if (stepsPerEpoch < 1)
        {
            problems.Add($"an epoch of {stepsPerEpoch} steps: it must have at least 1");
        }

        problems.ThrowIfAny();
    }

    private protected override void Plan(int epoch, Span<int> batches)
    {
        var dealer = new ClassDealer(itemsOfClass, stream => SeededRandom.Of(seed, (ulong)epoch, stream));
        for (; batches.Length > 0; batches = batches[BatchSize..])
        {
            dealer.Deal(PerClass, batches[..BatchSize]);
        }
    }
}
