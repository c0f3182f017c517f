namespace CondEmbed.Evaluation;

/// <summary>Moves the positives among the first K of each ranking to their places in another order of the same K items; what comes after stays.</summary>
/// <param name="reordered">The first K of each query in the new order, with the similarities that determine it.</param>
/// <param name="galleryLabels">The label of each item.</param>
internal sealed class FirstPlaces<T>(Neighbours<T> reordered, IReadOnlyList<long> galleryLabels)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Updates the ascending ranks of a query's positives, and returns how many negatives now strictly precede the best of them.</summary>
    /// <exception cref="ArgumentException">The order is not one of the K items that come first.</exception>
    internal int Apply(int query, long label, Span<int> ranks, int strictlyBetter)
    {
        var items = reordered.Of(query);
        var found = 0;
        for (var place = 0; place < items.Length; place++)
        {
            if (galleryLabels[items[place]] == label)
            {
                if (found == ranks.Length || ranks[found] > reordered.K)
                {
                    throw NotTheFirst(query);
                }

                ranks[found++] = place + 1;
            }
        }

        if (found < ranks.Length && ranks[found] <= reordered.K)
        {
            throw NotTheFirst(query);
        }

        return found > 0 ? StrictlyBetter(reordered.SimilaritiesOf(query), ranks[0] - 1) : Math.Max(strictlyBetter, reordered.K);
    }

    // All before the best positive are negatives, most similar first.
    private static int StrictlyBetter(ReadOnlySpan<T> similarities, int best)
    {
        var count = best;
        while (count > 0 && similarities[count - 1] <= similarities[best])
        {
            count--;
        }

        return count;
    }

    private ArgumentException NotTheFirst(int query) =>
        new($"query {query}: the {reordered.K} items are not the ones most similar to it, excluding itself", nameof(reordered));
}
