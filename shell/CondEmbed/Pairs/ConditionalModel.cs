using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Storage;

namespace CondEmbed.Pairs;

/// <summary>
/// A trained network with its levels, which compare pairs of images: each image in the light of the other, as while training. One thread at a time.
/// </summary>
public sealed class ConditionalModel : IDisposable
{
    /// <summary>0.2.</summary>
    public const double CosineTemperature = 0.2;

    private readonly int step;
    private readonly Comparer comparer;

    private ConditionalModel((Session Session, RunSettings Settings, int Step) opened)
    {
        step = opened.Step;
        comparer = opened.Session.Comparer();
        Embedding = new EmbeddingModel(opened.Session, opened.Settings, step);
    }

    /// <summary>The same network without its levels; it lives as long as this model.</summary>
    public EmbeddingModel Embedding { get; }

    /// <summary>L, the number of levels.</summary>
    public int Levels => comparer.Levels;

    /// <summary>Loads a run's network and levels: the last step's, or the best on the validation classes; or a model file and the levels besides it.</summary>
    /// <param name="run">A run folder, or a <c>.safetensors</c> file that a run wrote.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N.</param>
    /// <param name="best">For a run folder: take the best network on the validation classes instead of the last.</param>
    /// <exception cref="InputException">The model does not exist, was trained without levels, or a file does not fit.</exception>
    public static ConditionalModel Load(string run, string device = "auto", bool best = false) =>
        new(ModelFile.Open(EmbeddingModel.FileOf(run, best), device, withLevels: true));

    /// <summary>
    /// Loads any run's network, trained with levels or without, with one level that has no parameters: the places of each image, embedded by the head, are averaged by how
    /// similar they are to the other image's embedding (softmax of cosine / temperature).
    /// </summary>
    /// <param name="run">A run folder, or a <c>.safetensors</c> file that a run wrote.</param>
    /// <param name="temperature">Of the attention, above 0: the lower, the fewer places count.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N.</param>
    /// <param name="best">For a run folder: take the best network on the validation classes instead of the last.</param>
    /// <exception cref="InputException">The model does not exist, a file does not fit, or its pooling is not the mean.</exception>
    public static ConditionalModel WithCosine(string run, double temperature = CosineTemperature, string device = "auto", bool best = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(temperature);
        return new(ModelFile.Open(EmbeddingModel.FileOf(run, best), device, withLevels: true, cosine: temperature));
    }

    /// <summary>Writes the network as <see cref="EmbeddingModel.Save"/> does, and its levels into a file beside it, named <c>.levels.safetensors</c>.</summary>
    /// <param name="path">The file of the network.</param>
    /// <exception cref="InputException">A file cannot be written.</exception>
    public void Save(string path)
    {
        using var files = AtomicFiles.Together();
        Embedding.Save(path);
        LevelsFile.Write(LevelsFile.Beside(path), Embedding.Usable, step);
        files.Commit();
    }

    /// <summary>The similarity of two decoded images.</summary>
    public PairSimilarity Compare(RgbImage first, RgbImage second) => Explain(first, second).Similarity;

    /// <summary>The similarities of pairs of images; each image goes through the encoder once.</summary>
    /// <param name="dataset">The images.</param>
    /// <param name="pairs">Pairs of their numbers.</param>
    /// <param name="workers">Threads that read images; 0 for one per core.</param>
    /// <param name="cancellationToken">Ends the work with an OperationCanceledException.</param>
    public IReadOnlyList<PairSimilarity> Compare(
        IImageDataset dataset, IReadOnlyList<ImagePair> pairs, int workers = 0, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(pairs);
        return Compare(Embedding.Usable, Embedding.View, new ImageReader(dataset), pairs, workers, cancellationToken);
    }

    /// <summary>The similarity of two decoded images, and where the levels attend in each in the light of the other.</summary>
    /// <exception cref="ObjectDisposedException">The model was disposed of.</exception>
    public PairExplanation Explain(RgbImage first, RgbImage second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        _ = Embedding.Usable;
        return PairExplanation.Of(Embedding.View, comparer, first, second);
    }

    /// <summary>
    /// Retrieval metrics on the test part of a split, in the order of the unconditional embeddings and with the nearest re-ranked by the levels.
    /// </summary>
    /// <param name="dataset">The images.</param>
    /// <param name="split">What to search for and in.</param>
    /// <param name="rerank">How many to re-rank, and by what.</param>
    /// <param name="options">What to measure.</param>
    /// <param name="workers">Threads that read images; 0 for one per core.</param>
    /// <param name="progress">Called with the number of images embedded so far, and then of queries re-ranked.</param>
    /// <param name="cancellationToken">Ends the work with an OperationCanceledException.</param>
    public RerankedMetrics Evaluate(
        IImageDataset dataset,
        ClassSplit split,
        RerankOptions rerank,
        EvaluationOptions? options = null,
        int workers = 0,
        IProgress<RunProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(split);
        ArgumentNullException.ThrowIfNull(rerank);
        if (dataset.Pairs is { } pairs)
        {
            throw new InputException($"{dataset.Name}: re-ranking is measured by classes alone, and here images are alike by other things ({pairs.Rule}). Leave out {Wording.Of("the RerankOptions", "--rerank")}.");
        }

        options = EmbeddingPass.AsUsual(options ?? new EvaluationOptions(), dataset);
        var (part, reader) = (TestPart.Of(dataset, split.Queries, split.Gallery), new ImageReader(dataset));
        using var search = new RerankedSearch(Embedding.Usable, Embedding.View, rerank, new LoaderOptions(workers));
        search.Embed([.. part.Queries.Select(At)], [.. part.Gallery.Select(At)], progress.Phase("evaluating", split.Test.Count), cancellationToken);
        var order = search.Rerank(part.Self, progress, cancellationToken);
        var (queries, gallery) = (search.Queries, search.Gallery);
        var plain = Retrieval.Evaluate(queries, part.QueryLabels, gallery, part.GalleryLabels, part.Self, options, cancellationToken);
        var anew = Reranking.Evaluate(queries, part.QueryLabels, gallery, part.GalleryLabels, order, part.Self, options, cancellationToken);
        return new RerankedMetrics(order.K, plain, anew, search.Cost);

        ImageAt At(int item) => new(reader, item);
    }

    /// <inheritdoc />
    public void Dispose() => Embedding.Dispose();

    internal static IReadOnlyList<PairSimilarity> Compare(
        Session session, EvalTransform view, ImageReader reader, IReadOnlyList<ImagePair> pairs, int workers, CancellationToken cancellationToken = default)
    {
        using var pass = new ComparisonPass(session, view, new LoaderOptions(workers), RerankOptions.DefaultMemory);
        ImageAt[] firsts = [.. pairs.Select(pair => new ImageAt(reader, pair.First))];
        ImageAt[] seconds = [.. pairs.Select(pair => new ImageAt(reader, pair.Second))];
        pass.Embed([.. firsts.Concat(seconds).Distinct()], null, cancellationToken);
        var found = pass.Compare(firsts, seconds, [.. Enumerable.Range(0, pairs.Count)], null, cancellationToken);
        return [.. Enumerable.Range(0, pairs.Count).Select(pair => PairSimilarity.Of(found, pair))];
    }

    internal RerankedSearch Search(RerankOptions rerank, int workers) => new(Embedding.Usable, Embedding.View, rerank, new LoaderOptions(workers));
}
