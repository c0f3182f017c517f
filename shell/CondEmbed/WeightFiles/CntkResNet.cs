using CondEmbed.Options;
using Google.Protobuf.Collections;
using Onnx;

namespace CondEmbed.WeightFiles;

/// <summary>CNTK's ResNet-18 in ONNX, as weights of our encoder.</summary>
internal static class CntkResNet
{
    private static readonly int[] Blocks = [2, 2, 2, 3];

    private static readonly string[] OfNorm = ["weight", "bias", "running_mean", "running_var"];

    /// <summary>
    /// The convolutions and norms of the graph, whose weights have only numbers for names, under torchvision's names. The graph takes blue, green and red in 0..255, less
    /// their means; the encoder takes red, green and blue as it normalises them, so the first convolution is changed to that.
    /// </summary>
    internal static IReadOnlyList<NamedArray> Read(byte[] onnx)
    {
        var graph = ModelProto.Parser.ParseFrom(onnx).Graph;
        var values = graph.Initializer.ToDictionary(tensor => tensor.Name);
        var norms = graph.Node.Where(node => node.OpType == "BatchNormalization").ToDictionary(node => node.Input[0]);
        var convolutions = graph.Node.Where(node => node.OpType == "Conv").ToLookup(node => values[node.Input[1]].Dims[^1] == 1);

        return [.. convolutions[false].Zip(InPaths()).Concat(convolutions[true].Zip(InShortcuts())).SelectMany(pair => Arrays(pair.First, pair.Second))];

        IEnumerable<NamedArray> Arrays(NodeProto convolution, (string Convolution, string Norm) name)
        {
            var weight = values[convolution.Input[1]];
            yield return Array($"{name.Convolution}.weight", weight, name.Convolution == "conv1" ? OurColours(weight.FloatData, (int)(weight.Dims[2] * weight.Dims[3])) : weight.FloatData);

            foreach (var (part, input) in OfNorm.Zip(norms[convolution.Output[0]].Input.Skip(1)))
            {
                yield return Array($"{name.Norm}.{part}", values[input], values[input].FloatData);
            }
        }
    }

    /// <summary>What the convolutions that are not shortcuts, and their norms, are called here, in the order of the graph.</summary>
    private static IEnumerable<(string Convolution, string Norm)> InPaths() =>
    [
        ("conv1", "bn1"),
        .. from stage in Blocks.Index()
           from block in Enumerable.Range(0, stage.Item)
           from half in (int[])[1, 2]
           select ($"layer{stage.Index + 1}.{block}.conv{half}", $"layer{stage.Index + 1}.{block}.bn{half}"),
    ];

    private static IEnumerable<(string Convolution, string Norm)> InShortcuts() =>
        Enumerable.Range(2, Blocks.Length - 1).Select(stage => ($"layer{stage}.0.downsample.0", $"layer{stage}.0.downsample.1"));

    private static NamedArray Array(string name, TensorProto tensor, IEnumerable<float> values) => NamedArray.Of(name, [.. tensor.Dims], values.ToArray());

    /// <summary>Out In K K, for blue, green and red in 0..255 -> for red, green and blue in 0..1, divided by their deviations.</summary>
    /// <param name="weight">The numbers.</param>
    /// <param name="places">K K.</param>
    internal static float[] OurColours(IEnumerable<float> weight, int places)
    {
        var deviation = CoreSettings.DeviationOf(CoreSettings.StartFor(ImageNet.Usual));
        var colours = weight.Chunk(places).ToArray();
        return
        [
            .. colours.Index().SelectMany(filter =>
            {
                var colour = filter.Index % 3;
                return colours[filter.Index - colour + 2 - colour].Select(value => (float)(value * 255 * deviation[colour]));
            }),
        ];
    }
}
