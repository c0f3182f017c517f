using static CondEmbed.Export.OnnxGraph;

namespace CondEmbed.Export;

/// <summary>A value of B Channels Side Side numbers.</summary>
internal readonly record struct OnnxMap(string Name, int Channels, int Side);

/// <summary>The layers of the core as nodes of a graph, with the weights of a network.</summary>
/// <param name="graph">Where the nodes go.</param>
/// <param name="weights">The network's weights, in float32.</param>
/// <param name="int8">Whether matrices and convolutions are stored as <see cref="Int8"/>.</param>
internal sealed class OnnxLayers(OnnxGraph graph, IReadOnlyList<TensorData> weights, bool int8)
{
    private const double NormEpsilon = 1e-5;

    private readonly Dictionary<string, TensorData> weights = weights.ToDictionary(weight => weight.Name, StringComparer.Ordinal);

    internal OnnxGraph Graph => graph;

    internal bool Has(string name) => weights.ContainsKey(name);

    internal int[] ShapeOf(string name) => [.. weights[name].Shape.Select(size => (int)size)];

    internal float[] ValuesOf(string name) => MemoryMarshal.Cast<byte, float>(weights[name].Bytes).ToArray();

    /// <summary>A weight as it is, as a constant.</summary>
    internal string Constant(string name) => graph.Constant(name, weights[name].Shape, ValuesOf(name));

    /// <summary>A convolution and the norm after it, as one convolution.</summary>
    internal OnnxMap ConvNorm(OnnxMap x, string conv, string norm, int stride)
    {
        var (values, shift) = (ValuesOf($"{conv}.weight"), NormOf(norm));
        var size = values.Length / shift.Length;

        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)(values[i] * shift[i / size].Scale);
        }

        var bias = graph.Constant($"{conv}.bias", [shift.Length], [.. shift.Select(channel => (float)channel.Shift)]);
        var kernel = ShapeOf($"{conv}.weight")[2];
        return Conv(x, $"{conv}.weight", values, bias, stride, kernel / 2);
    }

    /// <summary>A convolution whose kernel is its stride: each square of pixels on its own.</summary>
    internal OnnxMap Patches(OnnxMap x, string name) =>
        Conv(x, $"{name}.weight", ValuesOf($"{name}.weight"), Constant($"{name}.bias"), ShapeOf($"{name}.weight")[2], padding: 0);

    internal OnnxMap Relu(OnnxMap x) => x with { Name = graph.Node("Relu", [x.Name]) };

    internal OnnxMap Add(OnnxMap x, OnnxMap y) => x with { Name = graph.Node("Add", [x.Name, y.Name]) };

    /// <summary>The greatest of each 3 x 3 places, stride 2.</summary>
    internal OnnxMap MaxPool(OnnxMap x) =>
        new(
            graph.Node("MaxPool", [x.Name], Attribute("kernel_shape", [3, 3]), Attribute("strides", [2, 2]), Attribute("pads", [1, 1, 1, 1])),
            x.Channels,
            (x.Side - 1) / 2 + 1);

    /// <summary>The mean of each 2 x 2 places, stride 2; at an odd edge of what there is.</summary>
    internal OnnxMap AveragePool(OnnxMap x) =>
        new(
            graph.Node(
                "AveragePool", [x.Name], Attribute("kernel_shape", [2, 2]), Attribute("strides", [2, 2]), Attribute("ceil_mode", 1), Attribute("count_include_pad", 0)),
            x.Channels,
            (x.Side + 1) / 2);

    /// <summary>... In -> ... Out.</summary>
    internal string Linear(string x, string name)
    {
        var (values, shape) = (ValuesOf($"{name}.weight"), ShapeOf($"{name}.weight"));
        var (outputs, inputs) = (shape[0], shape[1]);
        var transposed = new float[values.Length];

        for (var i = 0; i < values.Length; i++)
        {
            transposed[i % inputs * outputs + i / inputs] = values[i];
        }

        var matrix = Weight($"{name}.weight", [inputs, outputs], transposed, axis: 1);
        return graph.Node("Add", [graph.Node("MatMul", [x, matrix]), Constant($"{name}.bias")]);
    }

    /// <summary>... C -> ... C, each vector to mean 0 and deviation about 1, then scaled and shifted.</summary>
    internal string LayerNorm(string x, string name, float epsilon) =>
        graph.Node(
            "LayerNormalization", [x, Constant($"{name}.weight"), Constant($"{name}.bias")], Attribute("axis", -1), Attribute("epsilon", epsilon));

    /// <summary>B C -> B C, each feature by the statistics of a norm.</summary>
    internal string Norm(string x, string name)
    {
        var channels = NormOf(name);
        var scale = graph.Constant($"{name}.scale", [channels.Length], [.. channels.Select(channel => (float)channel.Scale)]);
        var shift = graph.Constant($"{name}.shift", [channels.Length], [.. channels.Select(channel => (float)channel.Shift)]);
        return graph.Node("Add", [graph.Node("Mul", [x, scale]), shift]);
    }

    /// <summary>x times the normal distribution function of x; runtimes fuse these nodes.</summary>
    internal string Gelu(string x)
    {
        var error = graph.Node("Erf", [graph.Node("Div", [x, graph.Scalar(MathF.Sqrt(2))])]);
        var doubled = graph.Node("Mul", [x, graph.Node("Add", [error, graph.Scalar(1f)])]);
        return graph.Node("Mul", [doubled, graph.Scalar(0.5f)]);
    }

    private OnnxMap Conv(OnnxMap x, string name, float[] values, string bias, int stride, int padding)
    {
        var shape = ShapeOf(name);
        var (outputs, kernel) = (shape[0], shape[2]);
        var weight = Weight(name, [.. shape.Select(size => (long)size)], values, axis: 0);
        var node = graph.Node(
            "Conv",
            [x.Name, weight, bias],
            Attribute("kernel_shape", [kernel, kernel]),
            Attribute("strides", [stride, stride]),
            Attribute("pads", [padding, padding, padding, padding]));
        return new OnnxMap(node, outputs, (x.Side + 2 * padding - kernel) / stride + 1);
    }

    /// <summary>A constant, or its int8 form and the node that makes floats of it.</summary>
    private string Weight(string name, long[] shape, float[] values, int axis)
    {
        if (!int8)
        {
            return graph.Constant(name, shape, values);
        }

        var stride = shape.Skip(axis + 1).Aggregate(1L, (all, size) => all * size);
        var small = Int8.Of(values, (int)shape[axis], (int)stride);
        var whole = graph.Constant($"{name}.int8", shape, small.Values);
        return graph.Node("DequantizeLinear", [whole, graph.Constant($"{name}.scale", [shape[axis]], small.Scales)], Attribute("axis", axis));
    }

    /// <summary>What a norm does to each channel at test time.</summary>
    private (double Scale, double Shift)[] NormOf(string name)
    {
        var (weight, bias) = (ValuesOf($"{name}.weight"), ValuesOf($"{name}.bias"));
        var (mean, variance) = (ValuesOf($"{name}.running_mean"), ValuesOf($"{name}.running_var"));
        return [.. weight.Select((_, i) =>
        {
            var scale = weight[i] / Math.Sqrt(variance[i] + NormEpsilon);
            return (scale, bias[i] - mean[i] * scale);
        })];
    }
}
