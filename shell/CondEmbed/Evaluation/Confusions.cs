namespace CondEmbed.Evaluation;

/// <summary>A class that is mistaken for another.</summary>
/// <param name="Label">The class of the queries.</param>
/// <param name="TakenFor">The class of what they found first.</param>
/// <param name="Count">How many queries of the class found that one first.</param>
/// <param name="Queries">How many queries the class has.</param>
public sealed record ConfusedClasses(long Label, long TakenFor, int Count, int Queries);

/// <summary>Which classes the nearest neighbour confuses.</summary>
public static class Confusions
{
    /// <summary>Every pair of classes of which one is mistaken for the other: most frequent first, then by class number.</summary>
    /// <param name="labels">Q: the class of each query.</param>
    /// <param name="nearest">Q: the class of what it found first.</param>
    public static IReadOnlyList<ConfusedClasses> Of(IReadOnlyList<long> labels, IReadOnlyList<long> nearest)
    {
        Check(labels, nearest);
        var queries = labels.CountBy(label => label).ToDictionary();
        return
        [
            .. labels.Zip(nearest).Where(pair => pair.First != pair.Second)
                .CountBy(pair => pair)
                .Select(pair => new ConfusedClasses(pair.Key.First, pair.Key.Second, pair.Value, queries[pair.Key.First]))
                .OrderByDescending(pair => pair.Count).ThenBy(pair => pair.Label).ThenBy(pair => pair.TakenFor),
        ];
    }

    /// <summary>How often the queries of some classes find each of them first: row by class, column by what was found; the last column counts all others.</summary>
    /// <param name="labels">Q: the class of each query.</param>
    /// <param name="nearest">Q: the class of what it found first.</param>
    /// <param name="classes">C different classes.</param>
    public static IReadOnlyList<IReadOnlyList<int>> Matrix(IReadOnlyList<long> labels, IReadOnlyList<long> nearest, IReadOnlyList<long> classes)
    {
        Check(labels, nearest);
        var places = classes.Index().ToDictionary(one => one.Item, one => one.Index);
        int[][] matrix = [.. classes.Select(_ => new int[classes.Count + 1])];

        foreach (var (label, found) in labels.Zip(nearest))
        {
            if (places.TryGetValue(label, out var row))
            {
                matrix[row][places.GetValueOrDefault(found, classes.Count)]++;
            }
        }

        return matrix;
    }

    private static void Check(IReadOnlyList<long> labels, IReadOnlyList<long> nearest)
    {
        if (labels.Count != nearest.Count)
        {
            throw new ArgumentException($"{labels.Count} queries, but what {nearest.Count} found", nameof(nearest));
        }
    }
}
