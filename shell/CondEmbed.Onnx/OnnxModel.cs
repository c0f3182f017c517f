using CondEmbed.Images;
using Microsoft.ML.OnnxRuntime;

namespace CondEmbed.Onnx;

/// <summary>How an exported network is run.</summary>
public sealed record OnnxOptions
{
    /// <summary>Threads of one call; 0 for the number set for this process, else one per core.</summary>
    public int Threads { get; init; }

    /// <summary>How many images are best embedded at once; 0 for a number that depends on their size.</summary>
    public int BatchSize { get; init; }
}

/// <summary>
/// A network that <c>condembed export</c> wrote, run by ONNX Runtime, without torch. To embed images, hand it to an <see cref="Embedder"/>: <c>new Embedder(OnnxModel.Load("model.onnx"))</c>.
/// Several threads may call it at the same time.
/// </summary>
public sealed class OnnxModel : IEmbeddingNetwork
{
    /// <summary>What writes such files.</summary>
    internal const string Makers = "OnnxExport.Write of the package CondEmbed, or with the export of the tool CondEmbed.Tool";

    private const int PixelsAtOnce = 64 * 128 * 128;
    private const int MostAtOnce = 64;

    private readonly InferenceSession session;
    private readonly RunOptions run;
    private readonly int imageBytes;
    private volatile bool disposed;

    private OnnxModel(InferenceSession session, OnnxDescription description, int batchSize)
    {
        this.session = session;
        run = new RunOptions();
        View = description.Preprocessing.View;
        Dimension = description.Dimension;
        Fingerprint = description.Fingerprint;
        Settings = description.Settings;
        imageBytes = View.Crop * View.Crop * 3;
        BatchSize = batchSize > 0 ? batchSize : Math.Clamp(PixelsAtOnce / (View.Crop * View.Crop), 1, MostAtOnce);
    }

    /// <inheritdoc/>
    public int Dimension { get; }

    /// <inheritdoc/>
    public EvalTransform View { get; }

    /// <inheritdoc/>
    public int BatchSize { get; }

    /// <inheritdoc/>
    public string Fingerprint { get; }

    /// <summary>The settings of the training, as TOML.</summary>
    public string Settings { get; }

    /// <summary>Opens an exported network. The embedder that it is handed to disposes of it; otherwise its caller has to.</summary>
    /// <param name="file">A file that <c>condembed export RUN --onnx FILE</c> wrote.</param>
    /// <param name="options">Threads and batches.</param>
    /// <exception cref="InputException">The file does not exist, is not an ONNX model, or was not written by this program.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number of the options is below 0.</exception>
    public static OnnxModel Load(string file, OnnxOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        return File.Exists(file)
            ? Load(file, options, settings => new InferenceSession(file, settings))
            : throw new InputException(Directory.Exists(file)
                ? $"{file}: is a folder, not an exported network. If it is a run's, export that with {Wording.Of(Makers, $"condembed export {file} --onnx FILE")}."
                : $"{file}: no such file. Create it with {Wording.Of(Makers, $"condembed export RUN --onnx {file}")}.");
    }

    /// <summary>The same of an exported network that is no file, such as a resource of a program.</summary>
    /// <param name="network">A stream, which is read to its end and stays open.</param>
    /// <param name="options">Threads and batches.</param>
    /// <param name="name">Its name in messages.</param>
    /// <exception cref="InputException">It is not an ONNX model, or was not written by this program.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number of the options is below 0.</exception>
    public static OnnxModel Load(Stream network, OnnxOptions? options = null, string name = "network")
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(name);
        return Load(name, options, settings => new InferenceSession(network.ToEnd(), settings));
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The bytes do not match the number of images.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed of.</exception>
    public float[] Embed(byte[] pixels, int count)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ObjectDisposedException.ThrowIf(disposed, this);

        if (pixels.Length != (long)count * imageBytes)
        {
            throw new ArgumentException($"{count} images of {View.Crop} x {View.Crop} px take {(long)count * imageBytes} bytes, not {pixels.Length}.", nameof(pixels));
        }

        if (count == 0)
        {
            return [];
        }

        using var input = OrtValue.CreateTensorValueFromMemory(pixels, [count, View.Crop, View.Crop, 3]);
        using var results = session.Run(run, [OnnxNames.Input], [input], [OnnxNames.Output]);
        return results[0].GetTensorDataAsSpan<float>().ToArray();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        disposed = true;
        run.Dispose();
        session.Dispose();
    }

    private static OnnxModel Load(string name, OnnxOptions? options, Func<SessionOptions, InferenceSession> open)
    {
        options ??= new OnnxOptions();
        ArgumentOutOfRangeException.ThrowIfNegative(options.Threads, "options.Threads");
        ArgumentOutOfRangeException.ThrowIfNegative(options.BatchSize, "options.BatchSize");
        var session = Open(name, options, open);

        try
        {
            return new OnnxModel(session, OnnxDescription.Read(name, session), options.BatchSize);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    private static InferenceSession Open(string name, OnnxOptions options, Func<SessionOptions, InferenceSession> open)
    {
        using var settings = new SessionOptions();
        settings.LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR;
        // Int8 weights are converted to floats once, when the file is opened, not for each batch.
        settings.AddSessionConfigEntry("session.disable_quant_qdq", "1");

        var threads = options.Threads > 0 ? options.Threads : ComputeThreads.Demanded;
        if (threads > 0)
        {
            settings.IntraOpNumThreads = threads;
        }

        try
        {
            return open(settings);
        }
        catch (OnnxRuntimeException problem)
        {
            throw new InputException($"{name}: not an ONNX model that ONNX Runtime can read, or a damaged one: {problem.Message}");
        }
    }
}
