namespace CondEmbed.Evaluation;

/// <summary>Queries against a gallery. Both use the same numbers for the same classes.</summary>
/// <param name="Queries">Q D, with their labels.</param>
/// <param name="Gallery">G D, with their labels; the same object if each query is an item.</param>
/// <param name="Self">For each query, the gallery item that is the same image and is therefore excluded, or -1.</param>
internal sealed record LabelledSearch<T>(LabelledSet<T> Queries, LabelledSet<T> Gallery, IReadOnlyList<int> Self)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Every item of a set among all others.</summary>
    internal static LabelledSearch<T> Among(LabelledSet<T> set) => new(set, set, [.. Enumerable.Range(0, set.Unit.Count)]);

    /// <summary>How many queries there are.</summary>
    internal int Count => Queries.Unit.Count;

    internal bool IsAmongItself => ReferenceEquals(Queries, Gallery);

    /// <summary>How many items have a query's label.</summary>
    internal int PositivesOf(int query) => Gallery.PositivesOf(Queries.Labels[query], Self[query]);

    /// <summary>A new list of the items with a query's label.</summary>
    internal int[] Positives(int query) => Gallery.Positives(Queries.Labels[query], Self[query]);

    /// <summary>The similarities of every query to the whole gallery.</summary>
    internal SimilarityRows<T> Rows() => new(Queries.Unit, Gallery.Unit);
}
