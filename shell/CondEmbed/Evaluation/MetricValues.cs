using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace CondEmbed.Evaluation;

/// <summary>Metrics by their keys, and by every name that a study takes for one, such as <c>MRR</c> or what tables show.</summary>
internal sealed class MetricValues : IReadOnlyDictionary<string, double>
{
    private readonly IReadOnlyDictionary<string, double> values;

    private MetricValues(IReadOnlyDictionary<string, double> values) => this.values = values;

    /// <summary>The same values under more names.</summary>
    internal static MetricValues Of(IReadOnlyDictionary<string, double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return values as MetricValues ?? new MetricValues(values);
    }

    public int Count => values.Count;

    public IEnumerable<string> Keys => values.Keys;

    public IEnumerable<double> Values => values.Values;

    public double this[string key] => values[Demanded(key)];

    /// <summary>The key of a metric.</summary>
    /// <exception cref="KeyNotFoundException">It was not measured; the message says what was.</exception>
    internal string Demanded(string name) =>
        KeyOf(name) ?? throw new KeyNotFoundException($"'{name}' was not measured. There are {string.Join(", ", values.Keys)}.");

    public bool ContainsKey(string key) => KeyOf(key) is not null;

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out double value)
    {
        value = 0;
        return KeyOf(key) is { } known && values.TryGetValue(known, out value);
    }

    public IEnumerator<KeyValuePair<string, double>> GetEnumerator() => values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private string? KeyOf(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return values.ContainsKey(name) ? name
            : MetricNames.KeyOf(name) is { } usual && values.ContainsKey(usual) ? usual
            : values.Keys.FirstOrDefault(key => name.Equals(MetricNames.Display(key), StringComparison.OrdinalIgnoreCase));
    }
}
