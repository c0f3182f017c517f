using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Images;
using CondEmbed.Interop;
using CondEmbed.Options;
using CondEmbed.Search;

namespace CondEmbed.Models;

/// <summary>Embeds pictures with a network, in order, and measures retrieval with what comes out.</summary>
/// <param name="embed">The network: the pixels of so many pictures to their embeddings.</param>
/// <param name="dimension">D.</param>
/// <param name="view">What the network sees of a picture.</param>
/// <param name="atOnce">How many pictures it is given.</param>
/// <param name="options">Threads that read pictures.</param>
internal sealed class EmbeddingPass(Func<byte[], int, float[]> embed, int dimension, EvalTransform view, int atOnce, LoaderOptions options)
{
    private const int MostAtOnce = 64;
    // A batch whose maps no cache holds takes more time a picture, not less.
    private const int PixelsAtOnce = 16 * 224 * 224;

    internal EmbeddingPass(Session session, LoaderOptions options)
        : this(
            (pixels, count) => session.Embed(pixels, count, session.Config.Size),
            session.Dimension,
            Views.ForTesting(session.Config),
            AtOnce(session.Config),
            options)
    {
    }

    internal EmbeddingPass(IEmbeddingNetwork network, LoaderOptions options)
        : this(network.Embed, network.Dimension, network.View, network.BatchSize, options)
    {
    }

    /// <summary>Fewer of large pictures, since what every layer makes of a batch lies in memory until the last has read it.</summary>
    internal static int AtOnce(Config config) => Math.Clamp(PixelsAtOnce / (config.Size * config.Size), 1, MostAtOnce);

    /// <summary>N indices -> N D, each row of length 1.</summary>
    internal Embeddings<float> Embed(
        PictureReader reader, IReadOnlyList<int> items, Action<int>? progress = null, CancellationToken cancellation = default)
    {
        var values = Embeddings<float>.Room(items.Count, dimension);
        var done = 0;

        foreach (var batch in new BatchLoader(reader, options).InOrder(items, null, atOnce, view, cancellation: cancellation))
        {
            using (batch)
            {
                embed(batch.Pixels, batch.Count).CopyTo(values, done * dimension);
                done += batch.Count;
            }

            progress?.Invoke(done);
        }

        return new Embeddings<float>(values, items.Count, dimension);
    }

    /// <summary>All against all among the given pictures.</summary>
    internal RetrievalMetrics Among(
        PictureReader reader, IImageDataset dataset, IReadOnlyList<int> items, EvaluationOptions options, Action<int>? progress = null, CancellationToken cancellation = default) =>
        Retrieval.Evaluate(
            Embed(reader, items, progress, cancellation), TestPart.Labels(dataset, items), AsUsual(options, dataset), cancellation);

    /// <summary>
    /// The test part: all against all, or queries against the gallery where the data says so. Classes are numbered as in the index of all labels.
    /// </summary>
    internal TestOutcome OnTest(
        IImageDataset dataset,
        ClassSplit split,
        PictureReader reader,
        EvaluationOptions options,
        Action<int>? progress = null,
        CancellationToken cancellation = default)
    {
        options = AsUsual(options, dataset);
        var part = TestPart.Of(dataset, split);
        var queries = Embed(reader, part.Queries, progress, cancellation);

        if (split.AllAgainstAll)
        {
            return new TestOutcome(queries, queries, Retrieval.Evaluate(queries, part.QueryLabels, options, cancellation));
        }

        var gallery = Embed(reader, part.Gallery, done => progress?.Invoke(split.Queries.Count + done), cancellation);
        var metrics = Retrieval.Evaluate(queries, part.QueryLabels, gallery, part.GalleryLabels, part.Self, options, cancellation);
        return new TestOutcome(queries, gallery, metrics);
    }

    internal static EvaluationOptions AsUsual(EvaluationOptions options, IImageDataset dataset) =>
        options with { RecallAt = options.RecallAt ?? dataset.RecallAt };
}

/// <summary>The embeddings of a test part and what they measure; query and gallery are one object where all search among all.</summary>
internal sealed record TestOutcome(Embeddings<float> Queries, Embeddings<float> Gallery, RetrievalMetrics Metrics);
