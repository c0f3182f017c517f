using CondEmbed.Common;
using CondEmbed.Images;
using CondEmbed.Interop;
using CondEmbed.Options;
using CondEmbed.Search;
using CondEmbed.Storage;

namespace CondEmbed.Models;

/// <summary>A trained network with its preprocessing: images in, embeddings of length 1 out. One thread at a time.</summary>
public sealed class EmbeddingModel : IEmbeddingNetwork
{
    private readonly Session session;
    private readonly int step;
    private string? fingerprint;

    internal EmbeddingModel(Session session, RunSettings settings, int step) => (this.session, Settings, this.step) = (session, settings, step);

    private EmbeddingModel((Session Session, RunSettings Settings, int Step) opened)
        : this(opened.Session, opened.Settings, opened.Step)
    {
    }

    /// <summary>D, numbers in an embedding.</summary>
    public int Dimension => session.Dimension;

    /// <summary>The settings of the training.</summary>
    public RunSettings Settings { get; }

    /// <inheritdoc/>
    public EvalTransform View => Views.ForTesting(Settings);

    /// <inheritdoc/>
    public int BatchSize => EmbeddingPass.AtOnce(Settings.Core);

    /// <inheritdoc/>
    public string Fingerprint => fingerprint ??= ModelFingerprint.Of(session, View);

    /// <summary>Loads a run's network: the last step's, or the best on the validation classes; or a model file itself.</summary>
    /// <param name="run">A run folder, or a <c>.safetensors</c> file that a run wrote.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N.</param>
    /// <param name="best">For a run folder: take the best network on the validation classes instead of the last.</param>
    /// <exception cref="InputException">The model does not exist or does not fit.</exception>
    public static EmbeddingModel Load(string run, string device = "auto", bool best = false) => new(ModelFile.Open(FileOf(run, best), device));

    /// <summary>The model file of a run's folder, or the model file itself.</summary>
    /// <exception cref="InputException">The model does not exist.</exception>
    internal static string FileOf(string run, bool best)
    {
        if (File.Exists(run))
        {
            return run;
        }

        if (!Directory.Exists(run))
        {
            throw new InputException($"{run}: no such file or folder. Pass the folder that {Wording.Of("a Trainer wrote", "`condembed train` printed")}, or a .safetensors file of a run.");
        }

        var folder = new RunFolder(run);
        var file = best ? folder.BestWeights : folder.LastWeights;

        if (!File.Exists(file))
        {
            var reason = !File.Exists(folder.Settings) ? "this is not a run folder"
                : best && File.Exists(folder.LastWeights) ? "the run had no validation classes; use the last weights"
                : $"the run is not finished; resume it with {Wording.Of("Trainer.Resume", $"--resume {run}")}";
            throw new InputException($"{run}: has no {Path.GetFileName(file)}: {reason}.");
        }

        return file;
    }

    /// <summary>Writes the network with its settings, preprocessing included, as one <c>.safetensors</c> file that <see cref="Load"/> takes.</summary>
    /// <param name="path">The file, written atomically.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public void Save(string path) => ModelFile.Write(path, session, Settings, step);

    /// <summary>One image file -> D numbers, of length 1.</summary>
    /// <exception cref="BadImageException">It is not an image that can be read.</exception>
    public float[] Embed(string path) => Embed(ImageFile.Read(path), path);

    /// <summary>One encoded image (JPEG, PNG, WebP, BMP, GIF) -> D numbers, of length 1.</summary>
    /// <exception cref="BadImageException">It is not an image that can be read.</exception>
    public float[] Embed(ReadOnlyMemory<byte> image, string name = "image") => Embed((new SkiaDecoder() with { Background = View.Background }).Decode(image, name));

    /// <summary>One decoded image -> D numbers, of length 1.</summary>
    public float[] Embed(RgbImage image) => Embed(View.Apply(image).Pixels, 1);

    /// <inheritdoc/>
    public float[] Embed(byte[] pixels, int count) => session.Embed(pixels, count, Settings.Core.Size);

    /// <summary>Hands the network over to an embedder, which serves any number of threads at once; the embedder then owns this model, which must no longer be used.</summary>
    public Embedder ToEmbedder(EmbedderOptions? options = null) => new(this, options);

    /// <inheritdoc />
    public void Dispose() => ((IDisposable)session).Dispose();

    /// <summary>Parameters and statistics, as the forward pass reads them.</summary>
    internal IReadOnlyList<TensorData> Weights() => session.EmbeddingWeights();
}
