using System.Numerics;

namespace CondEmbed.Evaluation;

/// <summary>
/// A matrix product rounds equal embeddings apart, and so would break ties by chance instead of by index. So whatever is too close to tell
/// is computed again, each pair in the same order of summation; the rest is left as it is.
/// </summary>
internal static class NearTies
{
    /// <summary>Afterwards every item compares rightly with every one of the positives.</summary>
    internal static void Settle<T>(ISimilarityRows<T> rows, int query, Span<T> similarities, ReadOnlySpan<int> positives)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var doubt = rows.Uncertainty;
        if (doubt == T.Zero || positives.Length == 0)
        {
            return;
        }

        var rising = new T[positives.Length];
        for (var i = 0; i < rising.Length; i++)
        {
            rising[i] = similarities[positives[i]] = rows.Certain(query, positives[i]);
        }

        Array.Sort(rising);
        var least = rising[0] - doubt;
        for (var item = RankCounter.NextAtLeast(similarities, 0, least);
            item < similarities.Length;
            item = RankCounter.NextAtLeast(similarities, item + 1, least))
        {
            if (IsWithin(doubt, similarities[item], rising))
            {
                similarities[item] = rows.Certain(query, item);
            }
        }
    }

    /// <summary>Afterwards all items from some similarity on compare rightly with each other.</summary>
    internal static void Settle<T>(ISimilarityRows<T> rows, int query, Span<T> similarities, T least)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var item = RankCounter.NextAtLeast(similarities, 0, least);
            item < similarities.Length;
            item = RankCounter.NextAtLeast(similarities, item + 1, least))
        {
            similarities[item] = rows.Certain(query, item);
        }
    }

    private static bool IsWithin<T>(T doubt, T similarity, T[] rising)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var place = Array.BinarySearch(rising, similarity);
        var above = place < 0 ? ~place : place;
        return (above < rising.Length && rising[above] - similarity <= doubt) || (above > 0 && similarity - rising[above - 1] <= doubt);
    }
}
