namespace CondEmbed.Datasets;

/// <summary>Numbers class names: a class's number is the position of its name among the distinct names in ordinal order.</summary>
public sealed class ClassIndex
{
    private readonly Dictionary<string, long> numbers;

    /// <summary>Numbers the distinct names of <paramref name="labels"/>.</summary>
    public ClassIndex(IEnumerable<string> labels)
    {
        Names = ClassOrder.Sorted(labels);
        numbers = Names.Select((name, at) => (name, at)).ToDictionary(pair => pair.name, pair => (long)pair.at, StringComparer.Ordinal);
    }

    /// <summary>The names by number.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The number of one name.</summary>
    /// <exception cref="ArgumentException">The name is not one of the numbered ones.</exception>
    public long NumberOf(string label) =>
        numbers.TryGetValue(label, out var number) ? number : throw new ArgumentException($"'{label}' is not a class of this index", nameof(label));

    /// <summary>The number of each label.</summary>
    public long[] NumbersOf(IEnumerable<string> labels) => [.. labels.Select(NumberOf)];
}
