using CondEmbed.Options;
using CondEmbed.Search;
using CondEmbed.Storage;

namespace CondEmbed.Models;

/// <summary>
/// A trained network with its preprocessing: images in, embeddings of length 1 out. One thread at a time may use it; <see cref="ToEmbedder"/> makes of it what serves any number of threads.
/// </summary>
public sealed class EmbeddingModel : IEmbeddingNetwork
{
    private readonly Session network;
    private readonly int step;
    private string? fingerprint;
    private bool disposed;
    private bool isHandedOver;

    internal EmbeddingModel(Session session, RunSettings settings, int step)
    {
        (network, Settings, this.step) = (session, settings, step);
        Dimension = session.Dimension;
    }

    private EmbeddingModel((Session Session, RunSettings Settings, int Step) opened)
        : this(opened.Session, opened.Settings, opened.Step)
    {
    }

    /// <summary>How many numbers an embedding has.</summary>
    public int Dimension { get; }

    /// <summary>The settings of the training.</summary>
    public RunSettings Settings { get; }

    /// <inheritdoc/>
    public EvalTransform View => Views.ForTesting(Settings);

    /// <inheritdoc/>
    public int BatchSize => EmbeddingPass.AtOnce(Settings.Core);

    /// <inheritdoc/>
    public string Fingerprint => fingerprint ??= ModelFingerprint.Of(Usable, View);

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
        ArgumentNullException.ThrowIfNull(run);
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
            if (!File.Exists(folder.Settings))
            {
                throw RunFolder.NoRun(run, $"has no {Path.GetFileName(file)}");
            }

            var reason = best && File.Exists(folder.LastWeights) ? "the run had no validation classes; use the last weights"
                : $"the run is not finished; resume it with {Wording.Of("Trainer.Resume", $"--resume {run}")}";
            throw new InputException($"{run}: has no {Path.GetFileName(file)}: {reason}.");
        }

        return file;
    }

    /// <summary>Writes the network with its settings, preprocessing included, as one <c>.safetensors</c> file that <see cref="Load"/> takes.</summary>
    /// <param name="path">The file, written atomically.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed of, or handed over.</exception>
    public void Save(string path) => ModelFile.Write(path, Usable, Settings, step);

    /// <summary>Embeds one image file. Returns <see cref="Dimension"/> numbers, a vector of length 1, so that the dot product of two embeddings is their cosine.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="BadImageException">The file does not exist, or is not an image that can be read.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed of, or handed over.</exception>
    public float[] Embed(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Embed(ImageFile.Read(path), path);
    }

    /// <summary>Embeds one encoded image (JPEG, PNG, WebP, BMP, GIF). Returns <see cref="Dimension"/> numbers, a vector of length 1.</summary>
    /// <param name="image">The bytes of its file.</param>
    /// <param name="name">Its name in messages.</param>
    /// <exception cref="BadImageException">It is not an image that can be read.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed of, or handed over.</exception>
    public float[] Embed(ReadOnlyMemory<byte> image, string name = "image")
    {
        ArgumentNullException.ThrowIfNull(name);
        return Embed((new SkiaDecoder() with { Background = View.Background }).Decode(image, name));
    }

    /// <summary>Embeds one encoded image, read to the end of a stream. Returns <see cref="Dimension"/> numbers, a vector of length 1.</summary>
    /// <param name="image">The stream, which stays open.</param>
    /// <param name="name">Its name in messages.</param>
    /// <exception cref="BadImageException">It is not an image that can be read.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed of, or handed over.</exception>
    public float[] Embed(Stream image, string name = "image")
    {
        ArgumentNullException.ThrowIfNull(image);
        return Embed(image.ToEnd(), name);
    }

    /// <summary>Embeds one decoded image. Returns <see cref="Dimension"/> numbers, a vector of length 1.</summary>
    /// <param name="image">The image.</param>
    /// <exception cref="ObjectDisposedException">The model was disposed of, or handed over.</exception>
    public float[] Embed(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Embed(View.Apply(image).Pixels, 1);
    }

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">The model was disposed of, or handed over.</exception>
    public float[] Embed(byte[] pixels, int count)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        return Usable.Embed(pixels, count, Settings.Core.Size);
    }

    /// <summary>
    /// Hands the network over to an embedder, which serves any number of threads at once and disposes of it. This model then refuses to embed; disposing of it does nothing.
    /// </summary>
    /// <param name="options">Batch size, threads, decoder.</param>
    /// <exception cref="ObjectDisposedException">The model was disposed of, or handed over before.</exception>
    public Embedder ToEmbedder(EmbedderOptions? options = null)
    {
#pragma warning disable IDISP001, IDISP004 // The embedder disposes of it.
        var embedder = new Embedder(new EmbeddingModel(Usable, Settings, step) { fingerprint = fingerprint }, options);
#pragma warning restore IDISP001, IDISP004
        isHandedOver = true;
        return embedder;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        if (!disposed && !isHandedOver)
        {
            disposed = true;
            ((IDisposable)network).Dispose();
        }
    }

    /// <summary>Parameters and statistics, as the forward pass reads them.</summary>
    internal IReadOnlyList<TensorData> Weights() => Usable.EmbeddingWeights();

    /// <summary>The network, if it is still this model's to use.</summary>
    /// <exception cref="ObjectDisposedException">It is not.</exception>
    internal Session Usable =>
        isHandedOver ? throw new ObjectDisposedException(nameof(EmbeddingModel), "The network was handed over to an Embedder by ToEmbedder; use that one.")
        : disposed ? throw new ObjectDisposedException(nameof(EmbeddingModel))
        : network;
}
