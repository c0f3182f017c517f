namespace CondEmbed.Evaluation;

/// <summary>
/// FNMR@FMR, the false non-match rate at a false match rate, as in open-metric-learning's <c>calc_fnmr_at_fmr</c>. The threshold T is the FMR
/// quantile of the distances of all negative pairs (query, item), with linear interpolation as NumPy's; FNMR is the share of the positive pairs whose
/// distance is at least T. Distances are those of the embeddings at length 1, sqrt(2 - 2 cosine). Exact, in bounded memory: the
/// quantiles are found digit by digit, 16 bits of the similarity at a time, with one pass over all pairs for each digit.
/// </summary>
internal sealed class FalseMatches<T>(SimilarityRows<T> rows, LabelledSearch<T> search)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int DigitBits = 16;

    private readonly long[] galleryLabels = [.. search.Gallery.Labels];

    /// <summary>The false non-match rate at each of some false match rates; NaN if there are no negative or no positive pairs.</summary>
    internal double[] NonMatchRates(IReadOnlyList<double> falseMatchRates, CancellationToken cancellationToken)
    {
        var positives = Enumerable.Range(0, search.Count).Sum(query => (long)search.PositivesOf(query));
        var pairs = search.Self.Sum(item => galleryLabels.Length - (item >= 0 ? 1L : 0L));
        var negatives = pairs - positives;
        if (positives == 0 || negatives == 0)
        {
            return [.. falseMatchRates.Select(_ => double.NaN)];
        }

        // Increasing distance is decreasing similarity: position h from the bottom among distances is position h from the top among similarities.
        var places = falseMatchRates.Select(rate => rate * (negatives - 1)).ToArray();
        long[] wanted = [.. places.Select(at => (long)at), .. places.Select(at => Math.Min((long)at + 1, negatives - 1))];
        var distances = FromMostSimilar(wanted, cancellationToken).Select(Distance).ToArray();
        var thresholds = places.Select((at, i) => distances[i] + ((at - Math.Floor(at)) * (distances[places.Length + i] - distances[i]))).ToArray();
        return [.. Beyond(thresholds, cancellationToken).Select(beyond => (double)beyond / positives)];
    }

    private static double Distance(T similarity) => Math.Sqrt(Math.Max(0, 2 - (2 * double.CreateChecked(similarity))));

    // The negatives at some places when all are sorted by falling similarity.
    private T[] FromMostSimilar(long[] places, CancellationToken cancellationToken)
    {
        var left = (long[])places.Clone();
        var prefixes = new ulong[places.Length];
        for (var bits = SortableBits.Width<T>(); bits > 0; bits -= DigitBits)
        {
            var known = prefixes.Distinct().ToArray();
            var counts = Histograms(known, bits, cancellationToken);
            for (var i = 0; i < places.Length; i++)
            {
                var counted = counts[Array.IndexOf(known, prefixes[i])];
                var digit = counted.Length - 1;
                for (; left[i] >= counted[digit]; digit--)
                {
                    left[i] -= counted[digit];
                }

                prefixes[i] = (prefixes[i] << DigitBits) | (uint)digit;
            }
        }

        return [.. prefixes.Select(SortableBits.Back<T>)];
    }

    // For each known beginning of the bits, how many negatives go on with each next digit. 'bits' are not known yet.
    private long[][] Histograms(ulong[] known, int bits, CancellationToken cancellationToken)
    {
        using var ofThread = new ThreadLocal<long[][]>(() => [.. known.Select(_ => new long[1 << DigitBits])], trackAllValues: true);
        rows.ForEach((query, similarities) => Count(query, similarities.Span, known, bits, ofThread.Value!), cancellationToken: cancellationToken);
        return [.. known.Select((_, at) => Total([.. ofThread.Values.Select(counts => counts[at])]))];
    }

    private void Count(int query, ReadOnlySpan<T> similarities, ulong[] known, int bits, long[][] counts)
    {
        var label = search.Queries.Labels[query];
        for (var item = 0; item < similarities.Length; item++)
        {
            if (galleryLabels[item] != label && item != search.Self[query])
            {
                var key = SortableBits.Of(similarities[item]);
                var at = Array.IndexOf(known, bits == 64 ? 0 : key >> bits);
                if (at >= 0)
                {
                    counts[at][(key >> (bits - DigitBits)) & ((1 << DigitBits) - 1)]++;
                }
            }
        }
    }

    private static long[] Total(IReadOnlyList<long[]> counts) => [.. Enumerable.Range(0, 1 << DigitBits).Select(digit => counts.Sum(one => one[digit]))];

    // How many positive pairs are at least as far apart as each threshold.
    private long[] Beyond(double[] thresholds, CancellationToken cancellationToken)
    {
        var beyond = new long[thresholds.Length];
        rows.ForEach(
            (query, similarities) =>
            {
                foreach (var positive in search.Positives(query))
                {
                    var distance = Distance(similarities.Span[positive]);
                    for (var i = 0; i < thresholds.Length; i++)
                    {
                        if (distance >= thresholds[i])
                        {
                            Interlocked.Increment(ref beyond[i]);
                        }
                    }
                }
            },
            cancellationToken: cancellationToken);
        return beyond;
    }
}
