using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Search;

namespace CondEmbed.Models;

/// <summary>Embeds and evaluates data sets with any network: of a run, or exported.</summary>
public static class NetworkImages
{
    /// <summary>Some images of a data set, in the order given; by default all, in their order -> N D.</summary>
    /// <exception cref="BadImageException">An image cannot be used.</exception>
    public static Embeddings<float> Embed(
        this IEmbeddingNetwork network,
        IImageDataset dataset,
        IReadOnlyList<int>? items = null,
        int workers = 0,
        IProgress<RunProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(dataset);
        items ??= [.. Enumerable.Range(0, dataset.Count)];
        return new EmbeddingPass(network, new LoaderOptions(workers)).Embed(new ImageReader(dataset), items, progress.Phase("embedding", items.Count), cancellationToken);
    }

    /// <summary>
    /// Retrieval metrics on the test part of a split, at the K that are customary for the data unless the options name others. Classes have the numbers of
    /// a <see cref="ClassIndex"/> of all labels of the data.
    /// </summary>
    /// <exception cref="BadImageException">An image cannot be used.</exception>
    public static RetrievalMetrics Evaluate(
        this IEmbeddingNetwork network,
        IImageDataset dataset,
        ClassSplit split,
        EvaluationOptions? options = null,
        int workers = 0,
        IProgress<RunProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(split);
        return new EmbeddingPass(network, new LoaderOptions(workers))
            .OnTest(dataset, split, new ImageReader(dataset), options ?? new EvaluationOptions(), progress.Phase("evaluating", split.Test.Count), cancellationToken).Metrics;
    }
}
