using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Search;
using CondEmbed.WeightFiles;

namespace CondEmbed.Export;

/// <summary>What was written.</summary>
/// <param name="File">The file.</param>
/// <param name="Names">Whose names its tensors have: timm, torchvision, or condembed for an encoder that neither has.</param>
/// <param name="Tensors">How many there are.</param>
public sealed record SafetensorsExported(string File, string Names, int Tensors);

/// <summary>
/// Writes a network's weights under the names that Python's programs know, with the head's under <see cref="Head"/>. The metadata says how to rebuild it.
/// </summary>
public static class SafetensorsExport
{
    /// <summary>What the names of the head's tensors begin with: <c>head.pool.p</c>, <c>head.norm.weight</c>, <c>head.embedding.weight</c> and so on.</summary>
    public const string Head = "head.";

    private const string HeadHere = "embedding.";

    /// <summary>Exports a network, in float32.</summary>
    /// <param name="model">The network.</param>
    /// <param name="path">The file, written atomically.</param>
    /// <param name="names">timm or torchvision; null for those that the encoder has here.</param>
    /// <exception cref="InputException">The encoder has no such names, or the file cannot be written.</exception>
    public static SafetensorsExported Write(EmbeddingModel model, string path, string? names = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Write(model.Settings, model.Weights(), model.Fingerprint, path, names);
    }

    /// <summary>Writes a network of these settings and weights.</summary>
    internal static SafetensorsExported Write(RunSettings settings, IReadOnlyList<TensorData> weights, string fingerprint, string path, string? names)
    {
        var (program, network) = PythonNames.Of(settings.Core.Encoder, names);
        TensorData[] tensors = [.. weights.Select(tensor => new TensorData(NameOf(tensor.Name, program), tensor.ElementType, tensor.Shape, tensor.Bytes))];

        TensorFiles.Write(path, tensors, Metadata(settings, fingerprint, program, network));

        return new SafetensorsExported(path, program ?? "condembed", tensors.Length);
    }

    private static string NameOf(string name, string? program) => name switch
    {
        "embedding.weight" or "embedding.bias" => Head + name,
        _ when name.StartsWith(HeadHere, StringComparison.Ordinal) => Head + name[HeadHere.Length..],
        _ => PythonNames.OfTensor(program, name),
    };

    private static IEnumerable<KeyValuePair<string, string>> Metadata(RunSettings run, string fingerprint, string? program, string? network)
    {
        var settings = run.Core;
        var preprocessing = new Preprocessing(Views.ForTesting(run), CoreSettings.MeanOf(settings), CoreSettings.DeviationOf(settings));
        var metadata = new List<KeyValuePair<string, string>>
        {
            new("format", "pt"),
            new("architecture", program is null ? settings.Encoder : $"{program}: {network}"),
            new("image_size", FormattableString.Invariant($"{settings.Size}")),
            new("mean", Numbers(preprocessing.Mean)),
            new("std", Numbers(preprocessing.Deviation)),
            new("resize_short_side", FormattableString.Invariant($"{preprocessing.View.Resize}")),
            new("interpolation", Choices.word(run.Host.Filter)),
            new("pooling", settings.Pooling),
            new("rebuild", Rebuild(settings, program, network)),
            new(OnnxNames.Version, About.Version),
            new(OnnxNames.Fingerprint, fingerprint),
        };

        if (preprocessing.View.Background is { } colour)
        {
            metadata.Add(new("background", colour.ToHex()));
        }

        if (EncoderDescription.Of(settings.Encoder) is { HasBottlenecks: true } form)
        {
            metadata.Add(new("stride", form.StrideOnFirst ? "first 1x1 convolution of a bottleneck (v1)" : "3x3 convolution of a bottleneck (v1.5)"));
        }

        return metadata;
    }

    private static string Rebuild(Config settings, string? program, string? network)
    {
        var form = EncoderDescription.Of(settings.Encoder);
        var make = program switch
        {
            PythonNames.Timm when form.Heads > 0 =>
                $"timm.create_model('{network}', img_size={settings.Size}, num_classes=0); load all tensors except those of '{Head}'; forward_features gives the class token, then the patches",
            PythonNames.Timm => $"timm.create_model('{network}', num_classes=0); load all tensors except those of '{Head}'; forward_features gives the map",
            PythonNames.Torchvision when form.Heads > 0 =>
                $"torchvision.models.{network}(image_size={settings.Size}) with heads = torch.nn.Identity(); load all tensors except those of '{Head}'; it gives the class token",
            PythonNames.Torchvision =>
                $"torchvision.models.{network}() with fc = torch.nn.Identity(); load all tensors except those of '{Head}'; layer4 gives the map",
            _ when settings.Encoder == ImageNet.Usual =>
                $"torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [2, 2, 2, 3]) with fc = torch.nn.Identity(); load all tensors except those of '{Head}'; layer4 gives the map",
            _ => $"a residual network of CondEmbed ({settings.Encoder}) with torchvision's names",
        };
        var stride = form.StrideOnFirst
            ? " In layer2.0, layer3.0 and layer4.0 the stride of 2 is at conv1, not at conv2."
            : "";
        var norm = settings.HeadNorm ? $" BatchNorm (eps 1e-5) of {Head}norm.*;" : "";
        var linear = settings.Embedding > 0 ? $" x @ {Head}embedding.weight.T + {Head}embedding.bias;" : "";
        return $"{make}.{stride} Then pooling '{settings.Pooling}';{norm}{linear} divide by the length.";
    }

    private static string Numbers(IEnumerable<double> numbers) =>
        $"[{string.Join(", ", numbers.Select(number => number.ToString(CultureInfo.InvariantCulture)))}]";
}
