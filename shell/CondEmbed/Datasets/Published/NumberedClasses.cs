namespace CondEmbed.Datasets;

/// <summary>Classes that a published set numbers from 1.</summary>
internal static class NumberedClasses
{
    /// <summary>Reports missing classes; empty if there are none.</summary>
    internal static IEnumerable<string> Missing(IReadOnlySet<int> numbers, int classes)
    {
        int[] missing = [.. Enumerable.Range(1, classes).Where(number => !numbers.Contains(number))];
        if (missing.Length > 0)
        {
            yield return $"{missing.Length} of {classes} classes are not in the lists (first: class {missing[0]})";
        }

        if (numbers.Any(number => number < 1 || number > classes))
        {
            yield return $"class {numbers.First(number => number < 1 || number > classes)} is not between 1 and {classes}";
        }
    }
}
