namespace CondEmbed.Evaluation;

/// <summary>
/// Where the positives of a query stand among all other items when these are sorted by falling similarity, equal ones by rising
/// index: rank(p) = 1 + number of items j with s_j > s_p, or s_j = s_p and j &lt; p. The query itself is left out by its index.
/// Nothing is sorted but the positives: every other item is counted at the first positive that it precedes.
/// </summary>
internal static class RankCounter
{
    /// <summary>The ranks of the positives, ascending.</summary>
    /// <param name="similarities">To every item.</param>
    /// <param name="self">The item that is the query itself; -1 if there is none.</param>
    /// <param name="positives">The items with the query's label, <paramref name="self"/> left out, in any order. They are reordered.</param>
    /// <param name="ranks">Receives one rank for each positive.</param>
    internal static void Ranks<T>(ReadOnlySpan<T> similarities, int self, Span<int> positives, Span<int> ranks)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (positives.Length == 0)
        {
            return;
        }

        ranks.Clear();
        var best = Sorted(similarities, positives);
        var last = best[^1];
        for (var item = NextAtLeast(similarities, 0, last); item < similarities.Length; item = NextAtLeast(similarities, item + 1, last))
        {
            if (item != self)
            {
                var place = FirstPreceded(best, positives, similarities[item], item);
                if (place < ranks.Length)
                {
                    ranks[place]++;
                }
            }
        }

        var before = 0;
        for (var i = 0; i < ranks.Length; i++)
        {
            before += ranks[i];
            ranks[i] = before + 1;
        }
    }

    /// <summary>How many items other than the query and its positives are strictly more similar than the best positive.</summary>
    internal static int StrictlyBetter<T>(ReadOnlySpan<T> similarities, int self, ReadOnlySpan<int> positives)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (positives.Length == 0)
        {
            return 0;
        }

        var best = similarities[positives[0]];
        foreach (var positive in positives)
        {
            best = T.Max(best, similarities[positive]);
        }

        var count = 0;
        for (var item = NextAtLeast(similarities, 0, best); item < similarities.Length; item = NextAtLeast(similarities, item + 1, best))
        {
            count += item != self && similarities[item] > best ? 1 : 0;
        }

        return count;
    }

    // Similarities of the positives, best first, with the positives in the same order.
    private static T[] Sorted<T>(ReadOnlySpan<T> similarities, Span<int> positives)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var falling = new T[positives.Length];
        for (var i = 0; i < falling.Length; i++)
        {
            falling[i] = -similarities[positives[i]];
        }

        // Sorting by the keys alone is several times faster than by pairs; equal ones are then ordered by index.
        MemoryExtensions.Sort(falling.AsSpan(), positives);
        for (var first = 0; first < falling.Length;)
        {
            var last = first + 1;
            while (last < falling.Length && falling[last] == falling[first])
            {
                last++;
            }

            positives[first..last].Sort();
            first = last;
        }

        for (var i = 0; i < falling.Length; i++)
        {
            falling[i] = -falling[i];
        }

        return falling;
    }

    // The first item from 'start' on that is at least as similar as the worst positive: most items are not, and are passed over in strides.
    internal static int NextAtLeast<T>(ReadOnlySpan<T> similarities, int start, T least)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var wide = new Vector<T>(least);
        var at = start;
        while (at < similarities.Length && similarities[at] < least)
        {
            at++;
            while (at <= similarities.Length - Vector<T>.Count && Vector.LessThanAll(new Vector<T>(similarities[at..]), wide))
            {
                at += Vector<T>.Count;
            }
        }

        return at;
    }

    // Binary search for the best positive that the item precedes.
    private static int FirstPreceded<T>(T[] best, Span<int> positives, T similarity, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var low = 0;
        var high = best.Length;
        while (low < high)
        {
            var middle = (low + high) / 2;
            var precedes = similarity > best[middle] || (similarity == best[middle] && item < positives[middle]);
            if (precedes)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }
}
