using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Search;
using CondEmbed.Teams;

namespace CondEmbed.Models;

/// <summary>Embeds images with a network, in order, and measures retrieval with the embeddings.</summary>
/// <param name="embed">The network: maps the pixels of a number of images to their embeddings.</param>
/// <param name="dimension">D, the length of an embedding.</param>
/// <param name="view">What the network sees of an image.</param>
/// <param name="atOnce">How many images it gets at a time.</param>
/// <param name="options">Threads that read images.</param>
/// <param name="onTrunk">The same from the maps that the frozen stages made of images, if these are kept: maps items to embeddings.</param>
/// <param name="together">Processes with the same network, each of which embeds a share of the images; all of them have to ask for the same.</param>
internal sealed class EmbeddingPass(
    Func<byte[], int, float[]> embed, int dimension, EvalTransform view, int atOnce, LoaderOptions options, Func<IReadOnlyList<int>, float[]>? onTrunk = null, TeamWork? together = null)
{
    private const int MostAtOnce = 64;
    // A batch whose feature maps do not fit into cache takes more time per image, not less.
    private const int PixelsAtOnce = 16 * 224 * 224;

    internal EmbeddingPass(Session session, EvalTransform view, LoaderOptions options, TrunkMaps? trunk = null, TeamWork? together = null)
        : this(
            (pixels, count) => session.Embed(pixels, count, session.Config.Size),
            session.Dimension,
            view,
            AtOnce(session.Config),
            options,
            trunk is null ? null : items => session.EmbedOnTrunk(trunk.Tested(items)),
            together)
    {
    }

    internal EmbeddingPass(IEmbeddingNetwork network, LoaderOptions options)
        : this(network.Embed, network.Dimension, network.View, network.BatchSize, options)
    {
    }

    /// <summary>Smaller batches for large images, since every layer's output for a batch stays in memory until the last layer has read it.</summary>
    internal static int AtOnce(Config config) => Math.Clamp(PixelsAtOnce / (config.Size * config.Size), 1, MostAtOnce);

    /// <summary>N indices -> N D, each row of length 1; of several processes, all have all rows.</summary>
    internal Embeddings<float> Embed(
        ImageReader reader, IReadOnlyList<int> items, Action<int>? progress = null, CancellationToken cancellationToken = default)
    {
        var values = Embeddings<float>.Room(items.Count, dimension);

        if (together is { IsShared: true })
        {
            together.ShareOut(values, items.Count, Fill);
        }
        else
        {
            Fill(0, items.Count);
        }

        return new Embeddings<float>(values, items.Count, dimension);

        void Fill(int first, int count)
        {
            var done = 0;

            foreach (var part in Parts(reader, [.. items.Skip(first).Take(count)], cancellationToken))
            {
                part.CopyTo(values, (first + done) * dimension);
                done += part.Length / dimension;
                // The others are as far, more or less.
                progress?.Invoke((int)((long)done * items.Count / count));
            }
        }
    }

    private IEnumerable<float[]> Parts(ImageReader reader, IReadOnlyList<int> items, CancellationToken cancellationToken)
    {
        if (onTrunk is not null)
        {
            foreach (var part in items.Chunk(atOnce))
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return onTrunk(part);
            }

            yield break;
        }

        foreach (var batch in new BatchLoader(reader, options).InOrder(items, null, atOnce, view, cancellationToken: cancellationToken))
        {
            using (batch)
                yield return embed(batch.Pixels, batch.Count);
        }
    }

    /// <summary>All against all among the given images.</summary>
    internal TestOutcome Among(
        ImageReader reader, IImageDataset dataset, IReadOnlyList<int> items, EvaluationOptions options, Action<int>? progress = null, CancellationToken cancellationToken = default)
    {
        var embeddings = Embed(reader, items, progress, cancellationToken);
        return new TestOutcome(embeddings, embeddings, () => PairMeasures.Of(dataset, TestPart.Of(dataset, items, items), embeddings, embeddings, options, cancellationToken));
    }

    /// <summary>
    /// The test part: all against all, or queries against the gallery if the data has them. Classes are numbered as in the index of all labels.
    /// </summary>
    internal TestOutcome OnTest(
        IImageDataset dataset,
        ClassSplit split,
        ImageReader reader,
        EvaluationOptions options,
        Action<int>? progress = null,
        CancellationToken cancellationToken = default)
    {
        var part = TestPart.Of(dataset, split.Queries, split.Gallery);
        var queries = Embed(reader, part.Queries, progress, cancellationToken);
        var gallery = split.AllAgainstAll ? queries : Embed(reader, part.Gallery, done => progress?.Invoke(split.Queries.Count + done), cancellationToken);
        return new TestOutcome(queries, gallery, () => PairMeasures.Of(dataset, part, queries, gallery, options, cancellationToken));
    }

    internal static EvaluationOptions AsUsual(EvaluationOptions options, IImageDataset dataset) =>
        options with { RecallAt = options.RecallAt ?? dataset.RecallAt };
}

/// <summary>The embeddings of a test part and what they measure; query and gallery are the same object if all search among all.</summary>
/// <param name="queries">Q D.</param>
/// <param name="gallery">G D.</param>
/// <param name="measure">Measures them, once and only where someone asks: of several processes, the first.</param>
internal sealed class TestOutcome(Embeddings<float> queries, Embeddings<float> gallery, Func<RetrievalMetrics> measure)
{
    private readonly Lazy<RetrievalMetrics> metrics = new(measure);

    internal Embeddings<float> Queries => queries;

    internal Embeddings<float> Gallery => gallery;

    internal RetrievalMetrics Metrics => metrics.Value;
}
