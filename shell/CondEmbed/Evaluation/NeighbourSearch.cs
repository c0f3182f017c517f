using CondEmbed.Search;

namespace CondEmbed.Evaluation;

/// <summary>The most similar gallery items of every query.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="K">Neighbours per query: the number asked for, or all items if there are fewer.</param>
/// <param name="Items">Q K, row after row: gallery items, most similar first.</param>
/// <param name="Similarities">Q K: their cosines with the query.</param>
public sealed record Neighbours<T>(int K, int[] Items, T[] Similarities)
{
    /// <summary>The neighbours of one query, most similar first.</summary>
    public ReadOnlySpan<int> Of(int query) => Items.AsSpan(query * K, K);

    /// <summary>Their similarities.</summary>
    public ReadOnlySpan<T> SimilaritiesOf(int query) => Similarities.AsSpan(query * K, K);
}

/// <summary>Finds neighbours by cosine, a block of queries at a time; among equally similar items the one with the lower index comes first.</summary>
public static class NeighbourSearch
{
    /// <summary>Q D, G D -> Q K.</summary>
    /// <param name="queries">What to search for.</param>
    /// <param name="gallery">Where to search.</param>
    /// <param name="k">How many neighbours to find, at least 1.</param>
    /// <param name="excludeSelf">Whether query i and item i are the same image, which is then excluded.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    /// <exception cref="Common.InputException">An embedding is not finite.</exception>
    public static Neighbours<T> TopK<T>(
        Embeddings<T> queries,
        Embeddings<T> gallery,
        int k,
        bool excludeSelf,
        CancellationToken cancellationToken = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        if (queries.Dimension != gallery.Dimension)
        {
            throw new ArgumentException($"queries have {queries.Dimension} numbers, the gallery {gallery.Dimension}", nameof(gallery));
        }

        if (excludeSelf && queries.Count > gallery.Count)
        {
            throw new ArgumentException($"{queries.Count} queries cannot all be among {gallery.Count} items", nameof(excludeSelf));
        }

        var unitQueries = queries.AtUnitLength();
        k = Math.Min(k, Math.Max(0, gallery.Count - (excludeSelf ? 1 : 0)));
        var found = new Neighbours<T>(k, new int[queries.Count * k], new T[queries.Count * k]);
        if (k > 0)
        {
            using var rows = new SimilarityRows<T>(unitQueries, ReferenceEquals(queries, gallery) ? unitQueries : gallery.AtUnitLength());
            rows.ForEach(
                (query, similarities) =>
                    Select(similarities.Span, excludeSelf ? query : -1, found.Items.AsSpan(query * k, k), found.Similarities.AsSpan(query * k, k)),
                cancellationToken: cancellationToken);
        }

        return found;
    }

    // A heap whose root is the worst of the best so far; at the end the roots are moved to the back one after another. Items come in index order, so one that is only as
    // similar as the worst never displaces it.
    private static void Select<T>(ReadOnlySpan<T> similarities, int self, Span<int> items, Span<T> best)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var filled = 0;
        for (var item = 0; item < similarities.Length; item = filled < best.Length ? item + 1 : RankCounter.NextAtLeast(similarities, item + 1, best[0]))
        {
            if (item == self)
            {
                continue;
            }

            if (filled < best.Length)
            {
                (best[filled], items[filled]) = (similarities[item], item);
                for (var root = ++filled == best.Length ? (filled / 2) - 1 : -1; root >= 0; root--)
                {
                    Sink(items, best, root);
                }
            }
            else if (similarities[item] > best[0])
            {
                (best[0], items[0]) = (similarities[item], item);
                Sink(items, best, 0);
            }
        }

        for (var last = best.Length - 1; last > 0; last--)
        {
            (best[0], best[last]) = (best[last], best[0]);
            (items[0], items[last]) = (items[last], items[0]);
            Sink(items[..last], best[..last], 0);
        }
    }

    // Moves one down until none below it is worse.
    private static void Sink<T>(Span<int> items, Span<T> best, int at)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (similarity, item) = (best[at], items[at]);
        for (var child = (2 * at) + 1; child < best.Length; child = (2 * at) + 1)
        {
            if (child + 1 < best.Length && IsWorse(best[child + 1], items[child + 1], best[child], items[child]))
            {
                child++;
            }

            if (!IsWorse(best[child], items[child], similarity, item))
            {
                break;
            }

            (best[at], items[at]) = (best[child], items[child]);
            at = child;
        }

        (best[at], items[at]) = (similarity, item);
    }

    private static bool IsWorse<T>(T similarity, int item, T other, int otherItem)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        similarity < other || (similarity == other && item > otherItem);
}
