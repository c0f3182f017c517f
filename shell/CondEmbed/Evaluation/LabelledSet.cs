using CondEmbed.Search;

namespace CondEmbed.Evaluation;

/// <summary>Embeddings at unit length with their labels, and the items of each label.</summary>
internal sealed class LabelledSet<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Dictionary<long, int[]> itemsOfLabel;

    internal LabelledSet(Embeddings<T> embeddings, IReadOnlyList<long> labels)
    {
        if (labels.Count != embeddings.Count)
        {
            throw new ArgumentException($"{embeddings.Count} embeddings but {labels.Count} labels: each image that has a label has an embedding, in the same order.", nameof(labels));
        }

        Given = embeddings;
        Unit = embeddings.AtUnitLength();
        Labels = labels;
        itemsOfLabel = Enumerable.Range(0, labels.Count).GroupBy(item => labels[item]).ToDictionary(group => group.Key, group => group.ToArray());
    }

    internal Embeddings<T> Given { get; }

    internal Embeddings<T> Unit { get; }

    internal IReadOnlyList<long> Labels { get; }

    /// <summary>What is suspicious about the embeddings, one per line.</summary>
    internal IEnumerable<string> Strange(string what)
    {
        var unit = Unit;
        if (unit.Count > 1 && itemsOfLabel.Count == 1)
        {
            yield return $"All {unit.Count} {what} belong to one class: whatever is found is right, so the numbers mean nothing.";
        }

        var zero = Enumerable.Range(0, unit.Count).Where(item => !unit.Row(item).ContainsAnyExcept(T.Zero)).ToList();
        if (zero.Count > 0)
        {
            yield return $"{zero.Count} of {unit.Count} {what} have length zero (first: row {zero[0]}, counted from 0); their similarity to everything is 0.";
        }

        if (unit.Count > 1 && zero.Count < unit.Count && Enumerable.Range(1, unit.Count - 1).All(item => unit.Row(item).SequenceEqual(unit.Row(0))))
        {
            yield return $"All {unit.Count} {what} have the same direction, so only their order decides the result; the network may have collapsed.";
        }
    }

    /// <summary>How many items have a label.</summary>
    internal int CountOf(long label) => itemsOfLabel.TryGetValue(label, out var items) ? items.Length : 0;

    /// <summary>How many items have a label, excluding one item; -1 excludes none.</summary>
    internal int PositivesOf(long label, int except) => CountOf(label) - (except >= 0 && Labels[except] == label ? 1 : 0);

    /// <summary>A new list of the items with a label, excluding one item.</summary>
    internal int[] Positives(long label, int except) =>
        itemsOfLabel.TryGetValue(label, out var items) ? Array.FindAll(items, item => item != except) : [];
}
