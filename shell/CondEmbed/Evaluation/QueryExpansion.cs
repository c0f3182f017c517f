using CondEmbed.Search;

namespace CondEmbed.Evaluation;

/// <summary>How queries are expanded by what they find first.</summary>
/// <param name="Nearest">How many of the nearest items are added, at least 1; all if there are fewer.</param>
/// <param name="Alpha">The power of the similarity that weighs an item; 0 for the average of all.</param>
public sealed record QueryExpansionOptions(int Nearest = 10, double Alpha = 3)
{
    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Nearest, 1);
        if (!(Alpha >= 0 && double.IsFinite(Alpha)))
        {
            throw new ArgumentException(FormattableString.Invariant($"must be 0 or more: {Alpha}"), nameof(Alpha));
        }
    }
}

/// <summary>
/// A second search by what the first one found, without labels: a query becomes its own embedding plus those of its nearest items, each times its similarity to a power. Chum et al., "Total
/// Recall", ICCV 2007; with the power, Radenovic, Tolias and Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation", TPAMI 2019, section 3.6.
/// </summary>
public static class QueryExpansion
{
    /// <summary>Q D, of length 1: the queries to search with instead.</summary>
    /// <param name="queries">Q D, the query embeddings.</param>
    /// <param name="gallery">G D, the gallery embeddings.</param>
    /// <param name="options">How to expand.</param>
    /// <param name="self">For each query, the gallery item that is the same image and is not found, or -1; null when there is none.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    /// <exception cref="InputException">An embedding is not finite.</exception>
    public static Embeddings<T> Expand<T>(
        Embeddings<T> queries, Embeddings<T> gallery, QueryExpansionOptions? options = null, IReadOnlyList<int>? self = null, CancellationToken cancellationToken = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentNullException.ThrowIfNull(gallery);
        options ??= new QueryExpansionOptions();
        options.Check();
        var found = Reranking.Candidates(queries, gallery, options.Nearest, self, cancellationToken);
        var (asked, items) = (queries.AtUnitLength(), gallery.AtUnitLength());
        var expanded = (T[])asked.Values.Clone();
        ParallelWork.Each(queries.Count, query =>
        {
            var sum = expanded.AsSpan(query * asked.Dimension, asked.Dimension);
            for (var at = 0; at < found.K; at++)
            {
                var similarity = Math.Max(0, double.CreateChecked(found.SimilaritiesOf(query)[at]));
                var weight = T.CreateChecked(Math.Pow(similarity, options.Alpha));
                var item = items.Row(found.Of(query)[at]);
                for (var i = 0; i < sum.Length; i++)
                {
                    sum[i] += weight * item[i];
                }
            }
        }, cancellationToken: cancellationToken);
        return new Embeddings<T>(expanded, queries.Count, queries.Dimension).AtUnitLength();
    }
}
