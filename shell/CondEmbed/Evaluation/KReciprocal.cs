using CondEmbed.Search;

namespace CondEmbed.Evaluation;

/// <summary>How the nearest items are re-ranked by the neighbours that they share with the query.</summary>
/// <param name="K">How many of the nearest are re-ranked, at least 1; all if there are fewer.</param>
public sealed record KReciprocalOptions(int K = 100)
{
    /// <summary>k1, how many neighbours of an image are looked at.</summary>
    public int Neighbours { get; init; } = 20;

    /// <summary>k2, over how many nearest images, itself included, the encoding of an image is averaged; 1 for none but itself.</summary>
    public int Averaged { get; init; } = 6;

    /// <summary>Lambda, the share of the distance itself in the new one, from 0 to 1.</summary>
    public double Share { get; init; } = 0.3;

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(K, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Neighbours, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Averaged, 1);
        if (!(Share is >= 0 and <= 1))
        {
            throw new ArgumentException(FormattableString.Invariant($"must be between 0 and 1: {Share}"), nameof(Share));
        }
    }
}

/// <summary>
/// Re-ranking without labels or a second network: two images are alike if they are among each other's nearest, and so are their neighbours. Zhong et al., "Re-ranking Person
/// Re-identification with k-reciprocal Encoding", CVPR 2017. Queries and gallery are looked at together, as in the authors' code; encodings are sparse, so that the memory grows with the
/// number of images, not with its square.
/// </summary>
public static class KReciprocal
{
    /// <summary>Q K: minus the distances of the candidates, (1 - lambda) times Jaccard's distance of the encodings plus lambda times the squared distance over the greatest one of the query.</summary>
    /// <param name="queries">Q D, the query embeddings.</param>
    /// <param name="gallery">G D, the gallery embeddings.</param>
    /// <param name="candidates">Items of the gallery: the <see cref="Reranking.Candidates"/>.</param>
    /// <param name="options">How to re-rank.</param>
    /// <param name="self">For each query, the gallery item that is the same image, or -1; null when there is none.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    /// <exception cref="InputException">An embedding is not finite.</exception>
    public static T[] Similarities<T>(
        Embeddings<T> queries,
        Embeddings<T> gallery,
        Neighbours<T> candidates,
        KReciprocalOptions? options = null,
        IReadOnlyList<int>? self = null,
        CancellationToken cancellationToken = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentNullException.ThrowIfNull(gallery);
        ArgumentNullException.ThrowIfNull(candidates);
        options ??= new KReciprocalOptions();
        options.Check();
        int[] others = [.. Enumerable.Range(0, queries.Count).Where(query => self is null || self[query] < 0)];
        var places = others.Select((query, at) => (query, at)).ToDictionary(pair => pair.query, pair => gallery.Count + pair.at);
        var all = others.Length == 0 ? gallery : new Embeddings<T>([.. gallery.Values, .. queries.Chosen(others).Values], gallery.Count + others.Length, gallery.Dimension);
        var encoded = new Encoded<T>(all.AtUnitLength(), options, cancellationToken);
        var similarities = new T[candidates.Items.Length];
        ParallelWork.Each(queries.Count, query =>
        {
            var own = places.TryGetValue(query, out var place) ? place : self![query];
            for (var at = query * candidates.K; at < (query + 1) * candidates.K; at++)
            {
                similarities[at] = T.CreateChecked(-encoded.Distance(own, candidates.Items[at]));
            }
        }, cancellationToken: cancellationToken);
        return similarities;
    }

    /// <summary>Images by the weights of the images around them: in the order of their numbers, and 1 in sum.</summary>
    private sealed class Encoded<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        private readonly Embeddings<T> unit;
        private readonly KReciprocalOptions options;
        private readonly Neighbours<T> nearest;
        private readonly double[] farthest;
        private readonly (int Item, double Weight)[][] encodings;

        internal Encoded(Embeddings<T> unit, KReciprocalOptions options, CancellationToken cancellationToken)
        {
            (this.unit, this.options) = (unit, options);
            var count = unit.Count;
            nearest = count < 2 ? new Neighbours<T>(0, [], []) : NeighbourSearch.TopK(unit, unit, Math.Max(options.Neighbours, options.Averaged - 1), excludeSelf: true, cancellationToken);
            farthest = new double[count];
            using (var rows = new SimilarityRows<T>(unit, unit))
            {
                rows.ForEach((image, similarities) => farthest[image] = similarities.ToArray().Max(Squared), cancellationToken: cancellationToken);
            }

            var plain = new (int, double)[count][];
            ParallelWork.Each(count, image => plain[image] = Weighted(image), cancellationToken: cancellationToken);
            encodings = plain;
            if (options.Averaged > 1)
            {
                var averaged = new (int, double)[count][];
                ParallelWork.Each(count, image => averaged[image] = Mean([.. Around(image, options.Averaged - 1)], plain), cancellationToken: cancellationToken);
                encodings = averaged;
            }
        }

        internal double Distance(int one, int other)
        {
            var (shared, a, b) = (0.0, 0, 0);
            var (first, second) = (encodings[one], encodings[other]);
            while (a < first.Length && b < second.Length)
            {
                if (first[a].Item == second[b].Item)
                {
                    shared += Math.Min(first[a++].Weight, second[b++].Weight);
                }
                else if (first[a].Item < second[b].Item)
                {
                    a++;
                }
                else
                {
                    b++;
                }
            }

            return ((1 - options.Share) * (1 - (shared / (2 - shared)))) + (options.Share * Relative(one, other));
        }

        // The image and its k nearest others.
        private IEnumerable<int> Around(int image, int k) => nearest.Of(image)[..Math.Min(k, nearest.K)].ToArray().Prepend(image);

        private bool IsAround(int image, int k, int other) => image == other || nearest.Of(image)[..Math.Min(k, nearest.K)].Contains(other);

        private List<int> Reciprocal(int image, int k) => [.. Around(image, k).Where(other => IsAround(other, k, image))];

        // The reciprocal neighbours, and those of each of them that shares two thirds of its own with the image.
        private (int, double)[] Weighted(int image)
        {
            var own = Reciprocal(image, options.Neighbours);
            var half = (int)Math.Round(options.Neighbours / 2.0);
            var expanded = new SortedSet<int>(own);
            foreach (var theirs in own.Select(candidate => Reciprocal(candidate, half)))
            {
                if (3 * theirs.Count(own.Contains) > 2 * theirs.Count)
                {
                    expanded.UnionWith(theirs);
                }
            }

            (int Item, double Weight)[] weights = [.. expanded.Select(item => (item, Math.Exp(-Relative(image, item))))];
            var sum = weights.Sum(weight => weight.Weight);
            return [.. weights.Select(weight => (weight.Item, weight.Weight / sum))];
        }

        private static (int, double)[] Mean(int[] images, (int Item, double Weight)[][] encodings)
        {
            var sums = new SortedDictionary<int, double>();
            foreach (var (item, weight) in images.SelectMany(image => encodings[image]))
            {
                sums[item] = sums.GetValueOrDefault(item) + (weight / images.Length);
            }

            return [.. sums.Select(sum => (sum.Key, sum.Value))];
        }

        private double Relative(int image, int other) => farthest[image] > 0 ? Squared(Product(unit.Row(image), unit.Row(other))) / farthest[image] : 0;

        private static T Product(ReadOnlySpan<T> one, ReadOnlySpan<T> other)
        {
            var sum = T.Zero;
            for (var i = 0; i < one.Length; i++)
            {
                sum += one[i] * other[i];
            }

            return sum;
        }

        private static double Squared(T cosine) => Math.Max(0, 2 - (2 * double.CreateChecked(cosine)));
    }
}
