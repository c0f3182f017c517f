using System.Globalization;

namespace CondEmbed.Checkpoints;

/// <summary>
/// ResNet-50 of Keras (names of 2015, as <c>res2a_branch2a</c>, or of today, as <c>conv2_block1_1_conv</c>) to torchvision's names and to pictures as
/// RGB with ImageNet's mean and deviation. Each step changes no output in exact arithmetic, but for the border of the first convolution:
/// <list type="bullet">
/// <item>A convolution's bias b and a norm's mean m: (x + b) - m = x - (m - b).</item>
/// <item>A norm's epsilon e to torch's 1e-5: var + e = (var + e - 1e-5) + 1e-5.</item>
/// <item>Keras feeds BGR in 0..255 less the mean (103.939, 116.779, 123.68). With RGB y = (x / 255 - mean) / std that is
/// 255 std y + (255 mean - mean'): the factor goes into the first kernel, the rest through its sum into the mean of the first norm. Where the kernel
/// reaches beyond the picture, Keras' zero is its own mean and ours is ImageNet's, at most 0.5 of 255 apart.</item>
/// </list>
/// </summary>
internal sealed class KerasResNet
{
    internal const string Known = "Of Keras' networks, only ResNet50 (the first version) is known.";
    private const double TorchEpsilon = 1e-5;

    private static readonly int[] Blocks = [3, 4, 6, 3];
    private static readonly double[] KerasMean = [123.68, 116.779, 103.939];
    private static readonly double[] Mean = [0.485, 0.456, 0.406];
    private static readonly double[] Deviation = [0.229, 0.224, 0.225];

    private readonly KerasNetwork network;
    private readonly Dictionary<string, KerasArray> weights;
    private readonly string path;
    private readonly bool oldNames;
    private readonly List<NamedArray> arrays = [];
    private readonly HashSet<double> epsilons = [];
    private bool strideOnFirst;
    private int biases;

    private KerasResNet(string path, KerasNetwork network, Dictionary<string, KerasArray> weights)
    {
        (this.path, this.network, this.weights) = (path, network, weights);
        oldNames = network.Has("res2a_branch2a");
    }

    /// <summary>The weights under torchvision's names, with notes of what was folded.</summary>
    /// <exception cref="InputException">It is no ResNet-50, or an array is missing or too many.</exception>
    internal static WeightFile Import(string path, KerasNetwork network, Dictionary<string, KerasArray> weights) =>
        new KerasResNet(path, network, weights).Convert();

    private WeightFile Convert()
    {
        strideOnFirst = network.Stride(ConvName(3, 0, 1), 1) == 2;
        network.CheckWeightless();
        Norm("bn1", oldNames ? "bn_conv1" : "conv1_bn", FirstConvolution());
        for (var stage = 2; stage <= 5; stage++)
        {
            for (var block = 0; block < Blocks[stage - 2]; block++)
            {
                Block(stage, block);
            }
        }

        Classifier();
        return weights.Count == 0
            ? new WeightFile(path, TensorFlowJs.Format, arrays, Metadata(), Notes())
            : throw new InputException($"{path}: '{weights.Keys.First()}' has no place in ResNet-50. {Known}");
    }

    private string ConvName(int stage, int block, int index) => oldNames
        ? string.Create(CultureInfo.InvariantCulture, $"res{stage}{(char)('a' + block)}_branch{(index == 0 ? "1" : $"2{(char)('a' + index - 1)}")}")
        : string.Create(CultureInfo.InvariantCulture, $"conv{stage}_block{block + 1}_{index}_conv");

    private string NormName(string convolution) => oldNames ? $"bn{convolution[3..]}" : $"{convolution[..^4]}bn";

    private void Block(int stage, int block)
    {
        var halves = stage > 2 && block == 0;
        var target = string.Create(CultureInfo.InvariantCulture, $"layer{stage - 1}.{block}");
        for (var index = block == 0 ? 0 : 1; index <= 3; index++)
        {
            var source = ConvName(stage, block, index);
            var stride = halves && (index == 0 || index == (strideOnFirst ? 1 : 2)) ? 2 : 1;
            var (convolution, norm) = index == 0 ? ("downsample.0", "downsample.1") : ($"conv{index}", $"bn{index}");
            Norm($"{target}.{norm}", NormName(source), Convolution($"{target}.{convolution}", source, index == 2 ? 3 : 1, stride));
        }
    }

    /// <summary>Adds the kernel and returns what the convolution adds to each channel of its output.</summary>
    private double[] Convolution(string target, string source, int size, int stride)
    {
        var kernel = Kernel(source, size, stride);
        Add(target, kernel, (channel, value) => value);
        return Bias(source, kernel.Shape[3]);
    }

    private double[] FirstConvolution()
    {
        var name = oldNames ? "conv1" : "conv1_conv";
        var kernel = Kernel(name, 7, 2);
        if (kernel.Shape[2] != 3)
        {
            throw new InputException($"{path}: the layer '{name}' reads {kernel.Shape[2]} colours, not 3. {Known}");
        }

        // Keras' channels are B, G, R.
        var rgb = kernel with { Values = [.. kernel.Values] };
        var outputs = kernel.Shape[3];
        var added = Bias(name, outputs);
        for (var place = 0; place < 49; place++)
        {
            for (var colour = 0; colour < 3; colour++)
            {
                for (var o = 0; o < outputs; o++)
                {
                    var value = kernel.Values[(((place * 3) + 2 - colour) * outputs) + o];
                    rgb.Values[(((place * 3) + colour) * outputs) + o] = value;
                    added[o] += value * ((255 * Mean[colour]) - KerasMean[colour]);
                }
            }
        }

        Add("conv1", rgb, (colour, value) => value * 255 * Deviation[colour]);
        return added;
    }

    private KerasArray Kernel(string source, int size, int stride)
    {
        if (network.Stride(source, size) != stride)
        {
            throw new InputException($"{path}: the layer '{source}' has another stride than {stride}. {Known}");
        }

        var kernel = Take($"{source}/kernel", 4);
        return kernel.Shape[0] == size && kernel.Shape[1] == size
            ? kernel
            : throw new InputException($"{path}: '{source}/kernel' is {kernel.Shape[0]} x {kernel.Shape[1]}, not {size} x {size}. {Known}");
    }

    private double[] Bias(string source, int outputs)
    {
        if (!weights.ContainsKey($"{source}/bias"))
        {
            return new double[outputs];
        }

        biases++;
        var bias = Take($"{source}/bias", 1).Values;
        return bias.Length == outputs ? [.. bias.Select(value => (double)value)] : throw new InputException($"{path}: '{source}/bias' has {bias.Length} numbers, not {outputs}.");
    }

    /// <summary>Adds a kernel, from rows columns inputs outputs to outputs inputs rows columns.</summary>
    private void Add(string target, KerasArray kernel, Func<int, double, double> scale)
    {
        var (places, inputs, outputs) = (kernel.Shape[0] * kernel.Shape[1], kernel.Shape[2], kernel.Shape[3]);
        var values = new float[kernel.Values.Length];
        for (var place = 0; place < places; place++)
        {
            for (var i = 0; i < inputs; i++)
            {
                for (var o = 0; o < outputs; o++)
                {
                    values[(((o * inputs) + i) * places) + place] = (float)scale(i, kernel.Values[(((place * inputs) + i) * outputs) + o]);
                }
            }
        }

        arrays.Add(NamedArray.Of($"{target}.weight", [outputs, inputs, kernel.Shape[0], kernel.Shape[1]], (ReadOnlySpan<float>)values));
    }

    private void Norm(string target, string source, double[] added)
    {
        var epsilon = network.Epsilon(source);
        epsilons.Add(epsilon);
        Vector($"{target}.weight", source, "gamma", added.Length, (_, value) => value);
        Vector($"{target}.bias", source, "beta", added.Length, (_, value) => value);
        Vector($"{target}.running_mean", source, "moving_mean", added.Length, (channel, value) => value - added[channel]);
        Vector($"{target}.running_var", source, "moving_variance", added.Length, (_, value) => value + epsilon - TorchEpsilon);
    }

    private void Vector(string target, string source, string kind, int length, Func<int, double, double> change)
    {
        var values = Take($"{source}/{kind}", 1).Values;
        if (values.Length != length)
        {
            throw new InputException($"{path}: '{source}/{kind}' has {values.Length} numbers, not {length}. {Known}");
        }

        arrays.Add(NamedArray.Of(target, [length], (ReadOnlySpan<float>)[.. values.Select((value, channel) => (float)change(channel, value))]));
    }

    private void Classifier()
    {
        var name = weights.ContainsKey("fc1000/kernel") ? "fc1000" : "predictions";
        if (!weights.ContainsKey($"{name}/kernel"))
        {
            return;
        }

        var kernel = Take($"{name}/kernel", 2);
        Add("fc", kernel with { Shape = [1, 1, .. kernel.Shape] }, (_, value) => value);
        arrays[^1] = new NamedArray("fc.weight", ElementType.F32, [kernel.Shape[1], kernel.Shape[0]], arrays[^1].Data);
        Vector("fc.bias", name, "bias", kernel.Shape[1], (_, value) => value);
    }

    private KerasArray Take(string name, int dimensions)
    {
        if (!weights.Remove(name, out var array) || array.Shape.Length != dimensions)
        {
            throw new InputException($"{path}: has no '{name}' of {dimensions} dimensions. {Known}");
        }

        return array;
    }

    private List<KeyValuePair<string, string>> Metadata() =>
    [
        new("format", "pt"),
        new("source", $"{System.IO.Path.GetFileName(System.IO.Path.GetFullPath(path).TrimEnd('/', '\\'))}: ResNet50 of Keras, a TensorFlow.js layers model"),
        new("naming", "torchvision"),
        new("stride", strideOnFirst ? "first 1x1 convolution of a bottleneck (v1)" : "3x3 convolution of a bottleneck (v1.5)"),
        new("folded", string.Join("; ", Notes())),
        new("bn_eps", "1e-5"),
        new("input", "RGB, x/255, ImageNet mean and std"),
    ];

    private string[] Notes() =>
    [
        FormattableString.Invariant($"the biases of {biases} convolutions into the means of their norms"),
        FormattableString.Invariant($"the norms' epsilon ({string.Join(", ", epsilons)}) into their variances, for an epsilon of 1e-5"),
        "the input, BGR in 0..255 less (103.939, 116.779, 123.68), into the first convolution and its norm, for RGB with ImageNet's mean and deviation",
    ];
}
