using CondEmbed.Common;
using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Images;
using CondEmbed.Interop;
using CondEmbed.Options;
using CondEmbed.Search;
using CondEmbed.Storage;

namespace CondEmbed.Models;

/// <summary>A trained network with its preprocessing: pictures in, embeddings of length 1 out. One thread at a time.</summary>
public sealed class EmbeddingModel : IEmbeddingNetwork
{
    private readonly Session session;
    private readonly int step;
    private string? fingerprint;

    internal EmbeddingModel(Session session, int step) => (this.session, this.step) = (session, step);

    private EmbeddingModel((Session Session, int Step) opened)
        : this(opened.Session, opened.Step)
    {
    }

    /// <summary>D, numbers in an embedding.</summary>
    public int Dimension => session.Dimension;

    /// <summary>The settings of the training.</summary>
    public Config Settings => session.Config;

    /// <inheritdoc/>
    public EvalTransform View => Views.ForTesting(Settings);

    /// <inheritdoc/>
    public int BatchSize => EmbeddingPass.AtOnce(Settings);

    /// <inheritdoc/>
    public string Fingerprint => fingerprint ??= ModelFingerprint.Of(session);

    /// <summary>Loads a run's network: the last step's, or the best on the validation classes; or a model file itself.</summary>
    /// <param name="run">A run's folder, or a <c>.safetensors</c> file that a run wrote.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N.</param>
    /// <param name="best">Of a folder: the best on the validation classes instead of the last.</param>
    /// <exception cref="InputException">There is no such model, or it does not fit.</exception>
    public static EmbeddingModel Load(string run, string device = "auto", bool best = false) => new(ModelFile.Open(FileOf(run, best), device));

    /// <summary>The model file of a run's folder, or the model file itself.</summary>
    /// <exception cref="InputException">There is no such model.</exception>
    internal static string FileOf(string run, bool best)
    {
        if (File.Exists(run))
        {
            return run;
        }

        if (!Directory.Exists(run))
        {
            throw new InputException($"{run}: no run's folder: there is nothing of that name. Give the folder of a training, or a .safetensors file of a run.");
        }

        var folder = new RunFolder(run);
        var file = best ? folder.BestWeights : folder.LastWeights;

        if (!File.Exists(file))
        {
            var reason = !File.Exists(folder.Settings) ? "it is no run's folder"
                : best && File.Exists(folder.LastWeights) ? "the run had no validation classes; use the last weights"
                : $"the run is not finished; go on with {Wording.Of("Trainer.Resume", $"--resume {run}")}";
            throw new InputException($"{run}: has no {Path.GetFileName(file)}: {reason}.");
        }

        return file;
    }

    /// <summary>Writes the network with its settings, preprocessing included, as one <c>.safetensors</c> file that <see cref="Load"/> takes.</summary>
    /// <param name="path">The file; under its name there is never half of it.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public void Save(string path)
    {
        ModelFile.Write(path, session, step);
    }

    /// <summary>One picture file -> D numbers, of length 1.</summary>
    /// <exception cref="BadPictureException">It is not a picture that can be read.</exception>
    public float[] Embed(string path) => Embed(PictureFile.Read(path), path);

    /// <summary>One encoded picture (JPEG, PNG, WebP, BMP, GIF) -> D numbers, of length 1.</summary>
    /// <exception cref="BadPictureException">It is not a picture that can be read.</exception>
    public float[] Embed(ReadOnlyMemory<byte> picture, string name = "picture") => Embed((new SkiaDecoder() with { Background = View.Background }).Decode(picture, name));

    /// <summary>All pictures of a data set, in order -> N D.</summary>
    public Embeddings<float> Embed(
        IImageDataset dataset, int workers = 0, Action<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        return Embed(dataset, [.. Enumerable.Range(0, dataset.Count)], workers, progress, cancellation);
    }

    /// <summary>Some pictures of a data set, in the order given -> N D.</summary>
    public Embeddings<float> Embed(
        IImageDataset dataset, IReadOnlyList<int> items, int workers = 0, Action<int>? progress = null, CancellationToken cancellation = default) =>
        new EmbeddingPass(session, new LoaderOptions(workers)).Embed(new PictureReader(dataset), items, progress, cancellation);

    /// <summary>One decoded picture -> D numbers, of length 1.</summary>
    public float[] Embed(RgbImage picture) => Embed(View.Apply(picture).Pixels, 1);

    /// <inheritdoc/>
    public float[] Embed(byte[] pixels, int count) => session.Embed(pixels, count, Settings.Size);

    /// <summary>Hands the network over to an embedder, which serves any number of threads at once; this model is then its own, and must not be used any more.</summary>
    public Embedder ToEmbedder(EmbedderOptions? options = null) => new(this, options);

    /// <summary>
    /// Retrieval metrics on the test part of a split, at the K that are usual for the data unless the options name others. Classes have the numbers of
    /// a <see cref="ClassIndex"/> of all labels of the data.
    /// </summary>
    public RetrievalMetrics Evaluate(
        IImageDataset dataset,
        ClassSplit split,
        EvaluationOptions? options = null,
        int workers = 0,
        Action<int>? progress = null,
        CancellationToken cancellation = default) =>
        new EmbeddingPass(session, new LoaderOptions(workers))
            .OnTest(dataset, split, new PictureReader(dataset), options ?? new EvaluationOptions(), progress, cancellation).Metrics;

    /// <inheritdoc />
    public void Dispose() => ((IDisposable)session).Dispose();

    /// <summary>Parameters and statistics, as the forward pass reads them.</summary>
    internal IReadOnlyList<TensorData> Weights() => session.EmbeddingWeights();

    internal TestOutcome OnTest(IImageDataset dataset, ClassSplit split, PictureReader reader, LoaderOptions workers, EvaluationOptions options) =>
        new EmbeddingPass(session, workers).OnTest(dataset, split, reader, options);
}
