using static CondEmbed.Export.OnnxGraph;

namespace CondEmbed.Export;

/// <summary>What an encoder makes of images, each put into the graph when it is asked for.</summary>
/// <param name="Map">B C h w.</param>
/// <param name="Token">B C, the class token; null where the encoder has none.</param>
internal sealed record OnnxFeatures(Func<OnnxMap> Map, Func<string>? Token);

/// <summary>
/// The encoders as graphs. Blocks, kernels and widths are read from the weights, and what weights do not tell (strides, the form of a shortcut, heads) from the
/// encoder's own description; every export is compared with the network itself.
/// </summary>
internal static class OnnxEncoders
{
    /// <summary>The encoder of that name on B 3 S S normalised numbers.</summary>
    /// <exception cref="InputException">It is not one that can be exported.</exception>
    internal static OnnxFeatures Build(string encoder, OnnxLayers layers, OnnxMap pixels) => EncoderDescription.Of(encoder) switch
    {
        { IsResidual: true } residual => Residual(layers, pixels, residual),
        { Heads: > 0 and var heads } => Transformer(layers, pixels, heads),
        _ => throw new InputException($"The encoder '{encoder}' cannot be exported to ONNX; these can: {string.Join(", ", CoreSettings.Encoders.Where(CanBeBuilt))}."),
    };

    private static bool CanBeBuilt(string encoder) => EncoderDescription.Of(encoder) is { IsResidual: true } or { Heads: > 0 };

    private static OnnxFeatures Residual(OnnxLayers layers, OnnxMap pixels, EncoderDescription form)
    {
        var stem = layers.Relu(layers.ConvNorm(pixels, "conv1", "bn1", 2));
        var map = form.WideStem ? layers.MaxPool(stem) : stem;

        foreach (var (index, stride) in form.Strides.Index())
        {
            for (var block = 0; layers.Has($"layer{index + 1}.{block}.conv1.weight"); block++)
            {
                map = Block(layers, map, $"layer{index + 1}.{block}", block == 0 ? stride : 1, form);
            }
        }

        return new OnnxFeatures(() => map, null);
    }

    private static OnnxMap Block(OnnxLayers layers, OnnxMap x, string name, int stride, EncoderDescription form)
    {
        var isBottleneck = layers.Has($"{name}.conv3.weight");
        var first = !isBottleneck || form.StrideOnFirst ? stride : 1;
        var inner = layers.Relu(layers.ConvNorm(x, $"{name}.conv1", $"{name}.bn1", first));
        inner = layers.ConvNorm(inner, $"{name}.conv2", $"{name}.bn2", stride / first);

        if (isBottleneck)
        {
            inner = layers.ConvNorm(layers.Relu(inner), $"{name}.conv3", $"{name}.bn3", 1);
        }

        return layers.Relu(layers.Add(inner, Shortcut(layers, x, name, stride, form)));
    }

    private static OnnxMap Shortcut(OnnxLayers layers, OnnxMap x, string name, int stride, EncoderDescription form)
    {
        if (!layers.Has($"{name}.downsample.0.weight"))
        {
            return x;
        }

        var averages = stride == 2 && form.SmoothShortcut;
        return layers.ConvNorm(averages ? layers.AveragePool(x) : x, $"{name}.downsample.0", $"{name}.downsample.1", averages ? 1 : stride);
    }

    private static OnnxFeatures Transformer(OnnxLayers layers, OnnxMap pixels, int heads)
    {
        var graph = layers.Graph;
        var patches = layers.Patches(pixels, "patch_embed.proj");
        var (width, side) = (patches.Channels, patches.Side);
        var tokens = graph.Node("Transpose", [graph.Node("Reshape", [patches.Name, graph.Constant(0, 0, -1)])], Attribute("perm", [0, 2, 1]));
        var batch = graph.Node("Shape", [tokens], Attribute("start", 0), Attribute("end", 1));
        var one = graph.Node("Concat", [batch, graph.Constant(1, width)], Attribute("axis", 0));
        var start = graph.Node("Expand", [layers.Constant("cls_token"), one]);
        var x = graph.Node("Add", [graph.Node("Concat", [start, tokens], Attribute("axis", 1)), layers.Constant("pos_embed")]);

        for (var block = 0; layers.Has($"blocks.{block}.norm1.weight"); block++)
        {
            var name = $"blocks.{block}";
            x = graph.Node("Add", [x, Attention(layers, layers.LayerNorm(x, $"{name}.norm1", TransformerEpsilon), $"{name}.attn", width, heads)]);
            var hidden = layers.Gelu(layers.Linear(layers.LayerNorm(x, $"{name}.norm2", TransformerEpsilon), $"{name}.mlp.fc1"));
            x = graph.Node("Add", [x, layers.Linear(hidden, $"{name}.mlp.fc2")]);
        }

        x = layers.LayerNorm(x, "norm", TransformerEpsilon);

        OnnxMap Map()
        {
            var places = graph.Node("Slice", [x, graph.Constant(1), graph.Constant(1 + side * side), graph.Constant(1)]);
            var channels = graph.Node("Transpose", [places], Attribute("perm", [0, 2, 1]));
            return new OnnxMap(graph.Node("Reshape", [channels, graph.Constant(0, 0, side, side)]), width, side);
        }

        return new OnnxFeatures(Map, () => graph.Node("Gather", [x, graph.Scalar(0L)], Attribute("axis", 1)));
    }

    /// <summary>B N C -> B N C: every token reads all tokens of its image.</summary>
    private static string Attention(OnnxLayers layers, string x, string name, int width, int heads)
    {
        var graph = layers.Graph;
        var headWidth = width / heads;
        var joined = graph.Node("Reshape", [layers.Linear(x, $"{name}.qkv"), graph.Constant(0, 0, 3, heads, headWidth)]);
        var split = graph.Node("Transpose", [joined], Attribute("perm", [2, 0, 3, 1, 4]));
        string Part(long index) => graph.Node("Gather", [split, graph.Scalar(index)], Attribute("axis", 0));

        var query = graph.Node("Mul", [Part(0), graph.Scalar(1 / MathF.Sqrt(headWidth))]);
        var key = graph.Node("Transpose", [Part(1)], Attribute("perm", [0, 1, 3, 2]));
        var shares = graph.Node("Softmax", [graph.Node("MatMul", [query, key])], Attribute("axis", -1));
        var read = graph.Node("Transpose", [graph.Node("MatMul", [shares, Part(2)])], Attribute("perm", [0, 2, 1, 3]));
        return layers.Linear(graph.Node("Reshape", [read, graph.Constant(0, 0, width)]), $"{name}.proj");
    }

    private const float TransformerEpsilon = 1e-6f;
}
