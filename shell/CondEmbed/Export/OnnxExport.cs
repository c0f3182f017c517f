using CondEmbed.Evaluation;
using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Search;
using Google.Protobuf;
using Onnx;

namespace CondEmbed.Export;

/// <summary>How a network is exported to ONNX.</summary>
public sealed record OnnxExportOptions
{
    /// <summary>Matrices and convolutions as int8 with a scale for each output channel: a quarter of the size, and a little less exact.</summary>
    public bool Int8 { get; init; }

    /// <summary>How many images the embeddings are compared on.</summary>
    public int Images { get; init; } = 128;

    /// <summary>Threads that read images; 0 for one per core.</summary>
    public int Workers { get; init; }
}

/// <summary>What was exported, and how it was checked.</summary>
/// <param name="File">The file.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Fingerprint">That of its embeddings; with float32 weights the network's own.</param>
/// <param name="Check">The comparison with the network.</param>
/// <param name="Before">Of int8: the metrics of the network on its test classes; null where they were not measured.</param>
/// <param name="After">Of int8: the same of the exported network.</param>
/// <param name="Missing">Why the images were not the run's own; null where they were.</param>
public sealed record OnnxExported(
    string File, long Bytes, string Fingerprint, ExportCheck Check, RetrievalMetrics? Before, RetrievalMetrics? After, string? Missing);

/// <summary>
/// Writes a network as one ONNX file: bytes of images in, embeddings of length 1 out, with the preprocessing in its metadata. A file gets its name only
/// after a runtime has made the same embeddings of real images with it.
/// </summary>
public static class OnnxExport
{
    private const string Float32 = "float32";
    private const string WholeNumbers = "int8";

    /// <summary>Exports a network.</summary>
    /// <param name="model">The network.</param>
    /// <param name="path">The file.</param>
    /// <param name="open">Opens an ONNX file for embedding, as CondEmbed.Onnx does: <c>file => OnnxModel.Load(file)</c>.</param>
    /// <param name="options">Int8 or not, and how much is compared.</param>
    /// <param name="progress">Called with the number of images embedded so far.</param>
    /// <param name="cancellationToken">Ends the export with an OperationCanceledException; no file is left.</param>
    /// <exception cref="InputException">
    /// The encoder or pooling cannot be exported, the file cannot be written, or its embeddings are too far from the network's; no file is left.
    /// </exception>
    public static OnnxExported Write(
        EmbeddingModel model,
        string path,
        Func<string, IEmbeddingNetwork> open,
        OnnxExportOptions? options = null,
        IProgress<RunProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(open);
        options ??= new OnnxExportOptions();
        OnnxExported? exported = null;

        void Check(string file)
        {
            using var network = open(file);
            exported = new Comparison(model, network, options, progress, cancellationToken).Run(path, new FileInfo(file).Length);

            if (exported.Check.Problem(options.Int8) is { } problem)
            {
                throw new InputException($"{path}: not written: {problem}");
            }
        }

        try
        {
            var message = Message(model, options.Int8);
            AtomicFile.Write(path, stream => message.WriteTo(stream), Check);
            return exported!;
        }
        catch (OverflowException)
        {
            throw new InputException($"{path}: not written: an ONNX file can have at most 2 GB, and these weights are larger. Use a smaller embedding, or another pooling.");
        }
    }

    /// <summary>The model as a protobuf message.</summary>
    internal static ModelProto Message(EmbeddingModel model, bool int8) =>
        Message(model.Settings, model.Weights(), model.Dimension, model.Fingerprint, int8);

    /// <summary>A network of these settings and weights as a protobuf message.</summary>
    internal static ModelProto Message(RunSettings settings, IReadOnlyList<TensorData> weights, int dimension, string fingerprint, bool int8)
    {
        var preprocessing = new Preprocessing(Views.ForTesting(settings), CoreSettings.MeanOf(settings.Core), CoreSettings.DeviationOf(settings.Core));
        var graph = new OnnxGraph();
        var layers = new OnnxLayers(graph, weights, int8);
        var features = OnnxEncoders.Build(settings.Core.Encoder, layers, Pixels(graph, preprocessing));
        graph.Output(OnnxHead.Build(settings.Core.Pooling, layers, features), OnnxNames.Output, OnnxType.Float, OnnxNames.Batch, dimension);

        return graph.Model(
        [
            new(OnnxNames.Version, About.Version),
            new(OnnxNames.Usage, preprocessing.InWords()),
            new(OnnxNames.Preprocessing, preprocessing.ToJson()),
            new(OnnxNames.Weights, int8 ? WholeNumbers : Float32),
            new(OnnxNames.Fingerprint, int8 ? FingerprintOfInt8(fingerprint) : fingerprint),
            new(OnnxNames.Config, TomlSettings.Write(settings)),
        ]);
    }

    /// <summary>B S S 3 bytes -> B 3 S S numbers of about 0 and 1.</summary>
    private static OnnxMap Pixels(OnnxGraph graph, Preprocessing preprocessing)
    {
        var side = preprocessing.View.Crop;
        var bytes = graph.Input(OnnxNames.Input, OnnxType.UInt8, OnnxNames.Batch, side, side, 3);
        var colours = preprocessing.Mean.Zip(preprocessing.Deviation).ToList();
        var scale = graph.Constant("pixels.scale", [3], [.. colours.Select(colour => (float)(1 / (255 * colour.Second)))]);
        var shift = graph.Constant("pixels.shift", [3], [.. colours.Select(colour => (float)(-colour.First / colour.Second))]);
        var numbers = graph.Node("Cast", [bytes], OnnxGraph.Attribute("to", (long)OnnxType.Float));
        var normalised = graph.Node("Add", [graph.Node("Mul", [numbers, scale]), shift]);
        return new OnnxMap(graph.Node("Transpose", [normalised], OnnxGraph.Attribute("perm", [0, 3, 1, 2])), 3, side);
    }

    /// <summary>Embeddings of int8 weights are not comparable with the network's own, but with those of every int8 export of it.</summary>
    private static string FingerprintOfInt8(string fingerprint) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{WholeNumbers} {fingerprint}")));

    /// <summary>The network and what was exported, on the same images.</summary>
    private sealed class Comparison(
        EmbeddingModel model, IEmbeddingNetwork found, OnnxExportOptions options, IProgress<RunProgress>? progress, CancellationToken cancellationToken)
    {
        internal OnnxExported Run(string path, long bytes)
        {
            var images = ExportImages.Of(model.Settings, options.Workers, cancellationToken);
            var items = images.Some(options.Images);
            var expected = Pass(model).Embed(images.Reader, items, progress.Phase("embedding", items.Count), cancellationToken);
            var embedded = Pass(found).Embed(images.Reader, items, progress.Phase("embedding by ONNX", items.Count), cancellationToken);
            DemandFinite(path, "the network's own embeddings", expected);
            DemandFinite(path, "ONNX Runtime's embeddings", embedded);
            var check = ExportCheck.Between(images.Dataset.Name, expected, embedded);
            var measures = options.Int8 && images.Missing is null && check.Problem(int8: true) is null;
            return new OnnxExported(
                path,
                bytes,
                found.Fingerprint,
                check,
                measures ? Measured(model, images, "evaluating") : null,
                measures ? Measured(found, images, "evaluating int8") : null,
                images.Missing);
        }

        private static void DemandFinite(string path, string whose, Embeddings<float> embeddings)
        {
            if (!embeddings.Values.All(float.IsFinite))
            {
                throw new InputException($"{path}: not written: {whose} contain NaN or infinity.");
            }
        }

        private RetrievalMetrics Measured(IEmbeddingNetwork network, ExportImages images, string phase) =>
            Pass(network).OnTest(
                images.Dataset, images.Split, images.Reader, new EvaluationOptions { RecallAt = [1] }, progress.Phase(phase, images.Split.Test.Count), cancellationToken).Metrics;

        private EmbeddingPass Pass(IEmbeddingNetwork network) => new(network, new LoaderOptions(options.Workers));
    }
}
