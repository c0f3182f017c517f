using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Images;
using CondEmbed.Search;

namespace CondEmbed.Models;

/// <summary>Embeds and evaluates data sets with any network: of a run, or exported.</summary>
public static class NetworkImages
{
    /// <summary>All images of a data set, in order -> N D.</summary>
    /// <exception cref="BadImageException">An image cannot be used.</exception>
    public static Embeddings<float> Embed(
        this IEmbeddingNetwork network, IImageDataset dataset, int workers = 0, Action<int>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        return network.Embed(dataset, [.. Enumerable.Range(0, dataset.Count)], workers, progress, cancellationToken);
    }

    /// <summary>Some images of a data set, in the order given -> N D.</summary>
    /// <exception cref="BadImageException">An image cannot be used.</exception>
    public static Embeddings<float> Embed(
        this IEmbeddingNetwork network,
        IImageDataset dataset,
        IReadOnlyList<int> items,
        int workers = 0,
        Action<int>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(network);
        return new EmbeddingPass(network, new LoaderOptions(workers)).Embed(new ImageReader(dataset), items, progress, cancellationToken);
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
        Action<int>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(network);
        return new EmbeddingPass(network, new LoaderOptions(workers))
            .OnTest(dataset, split, new ImageReader(dataset), options ?? new EvaluationOptions(), progress, cancellationToken).Metrics;
    }
}
