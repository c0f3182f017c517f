using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Search;

namespace CondEmbed.Models;

/// <summary>Measures retrieval by what the data says is alike: its classes, its own pairs, and each further column of labels.</summary>
internal static class PairMeasures
{
    /// <summary>The metrics of a part; query and gallery embeddings are the same object if all search among all.</summary>
    /// <exception cref="InputException">There is nothing to find.</exception>
    internal static RetrievalMetrics Of(
        IImageDataset dataset, TestPart part, Embeddings<float> queries, Embeddings<float> gallery, EvaluationOptions options, CancellationToken cancellationToken) =>
        Of(dataset.Pairs, dataset.LabelColumns, part, queries, gallery, EmbeddingPass.AsUsual(options, dataset), cancellationToken);

    /// <summary>The same by pairs, or by the classes if there are none.</summary>
    /// <exception cref="InputException">There is nothing to find.</exception>
    internal static RetrievalMetrics Of<T>(
        IImagePairs? pairs, IReadOnlyList<LabelColumn> columns, TestPart part, Embeddings<T> queries, Embeddings<T> gallery, EvaluationOptions options, CancellationToken cancellationToken)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (pairs is not null)
        {
            options = options with { Relevance = new Alike(pairs, part.Queries, part.Gallery) };
        }

        var metrics = ReferenceEquals(queries, gallery)
            ? Retrieval.Evaluate(queries, part.QueryLabels, options, cancellationToken)
            : Retrieval.Evaluate(queries, part.QueryLabels, gallery, part.GalleryLabels, part.Self, options, cancellationToken);
        foreach (var column in columns)
        {
            ByColumn(metrics, column, part, queries, gallery, options.RecallDepths, cancellationToken);
        }

        return metrics;
    }

    /// <summary>Recall@K and MAP@R of the queries that have a label in a column.</summary>
    private static void ByColumn<T>(
        RetrievalMetrics metrics, LabelColumn column, TestPart part, Embeddings<T> queries, Embeddings<T> gallery, IReadOnlyList<int> depths, CancellationToken cancellationToken)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int[] asked = [.. Enumerable.Range(0, part.Queries.Count).Where(query => column.Pairs.IsInPairs(part.Queries[query]))];
        int[] images = [.. asked.Select(query => part.Queries[query])];
        if (!column.Pairs.HasMatch(images, part.Gallery))
        {
            return;
        }

        var found = Retrieval.Evaluate(
            queries.Chosen(asked),
            [.. asked.Select(query => part.QueryLabels[query])],
            gallery,
            part.GalleryLabels,
            [.. asked.Select(query => part.Self[query])],
            new EvaluationOptions { RecallAt = depths, Relevance = new Alike(column.Pairs, images, part.Gallery) },
            cancellationToken);
        foreach (var k in depths)
        {
            metrics.Add(MetricNames.By(FormattableString.Invariant($"recall@{k}"), column.Name), found.Recall(k));
        }

        metrics.Add(MetricNames.By(MetricNames.MapAtR, column.Name), found.MapAtR);
    }

    /// <summary>The pairs of images as relevance of a gallery.</summary>
    private sealed class Alike(IImagePairs pairs, IReadOnlyList<int> queries, IReadOnlyList<int> gallery) : IRelevance
    {
        public void Mark(int query, Span<sbyte> marks)
        {
            var numbers = new float[marks.Length];
            pairs.Mark(queries[query], gallery, numbers);
            for (var item = 0; item < marks.Length; item++)
            {
                marks[item] = (sbyte)Math.Sign(numbers[item]);
            }
        }
    }
}
