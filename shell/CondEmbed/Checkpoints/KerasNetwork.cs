using System.Text.Json;

namespace CondEmbed.Checkpoints;

/// <summary>The layers of a Keras network by name, with what their configuration says.</summary>
internal sealed class KerasNetwork
{
    // The stem's, and three of each of the 16 blocks.
    private const int Activations = 49;
    private const int LongestShown = 60;

    private readonly string file;
    private readonly Dictionary<string, (string Kind, JsonElement Config)> layers = new(StringComparer.Ordinal);

    internal KerasNetwork(string file, JsonElement model)
    {
        this.file = file;
        foreach (var layer in model.GetProperty("config").GetProperty("layers").Items())
        {
            var config = layer.GetProperty("config");
            var name = config.GetProperty("name").Text(file, "the 'name' of a layer");
            if (!layers.TryAdd(name, (layer.GetProperty("class_name").Text(file, $"the 'class_name' of the layer '{name}'"), config)))
            {
                throw new InputException($"{file}: has two layers '{name}'. {KerasResNet.Known}");
            }
        }
    }

    /// <summary>Whether there is a layer of that name.</summary>
    internal bool Has(string name) => layers.ContainsKey(name);

    /// <summary>The epsilon of a batch norm, which must scale and shift.</summary>
    internal double Epsilon(string name)
    {
        var config = Config(name, "BatchNormalization");
        Demand(name, config, "scale", "true");
        Demand(name, config, "center", "true");
        return config.GetProperty("epsilon").GetDouble();
    }

    /// <summary>The stride of a square convolution of that many rows and columns, the same both ways, over channels-last maps.</summary>
    internal int Stride(string name, int kernel)
    {
        var config = Config(name, "Conv2D");
        var stride = config.GetProperty("strides")[0].GetInt32();
        Demand(name, config, "kernel_size", $"[{kernel},{kernel}]");
        Demand(name, config, "strides", $"[{stride},{stride}]");
        Demand(name, config, "dilation_rate", "[1,1]");
        Demand(name, config, "activation", "\"linear\"");
        Demand(name, config, "data_format", "\"channels_last\"");

        // The first convolution has a layer that pads for it, and one of 1 x 1 needs no border.
        if (kernel > 1)
        {
            Demand(name, config, "padding", kernel == 7 ? "\"valid\"" : "\"same\"");
        }

        return stride;
    }

    /// <summary>Checks the layers that leave no trace in the weights: what pads and pools before the blocks, and the activations.</summary>
    /// <exception cref="InputException">One is missing or differs from ResNet-50's: the same weights would give other features.</exception>
    internal void CheckWeightless()
    {
        Demand("conv1_pad", Config("conv1_pad", "ZeroPadding2D"), "padding", "[[3,3],[3,3]]");
        Demand("pool1_pad", Config("pool1_pad", "ZeroPadding2D"), "padding", "[[1,1],[1,1]]");
        foreach (var pool in Only("MaxPooling2D", 1))
        {
            Demand(pool, layers[pool].Config, "pool_size", "[3,3]");
            Demand(pool, layers[pool].Config, "strides", "[2,2]");
            Demand(pool, layers[pool].Config, "padding", "\"valid\"");
        }

        foreach (var activation in Only("Activation", Activations))
        {
            Demand(activation, layers[activation].Config, "activation", "\"relu\"");
        }
    }

    private List<string> Only(string kind, int count)
    {
        var names = layers.Where(layer => layer.Value.Kind == kind).Select(layer => layer.Key).ToList();
        return names.Count == count
            ? names
            : throw new InputException($"{file}: has {names.Count} layers of kind {kind}, ResNet-50 {count}. {KerasResNet.Known}");
    }

    private JsonElement Config(string name, string kind) =>
        layers.TryGetValue(name, out var layer) && layer.Kind == kind
            ? layer.Config
            : throw new InputException($"{file}: has no layer '{name}' of kind {kind}. {KerasResNet.Known}");

    private void Demand(string name, JsonElement config, string setting, string expected)
    {
        var found = config.TryGetProperty(setting, out var value) ? value : default;
        if (found.ValueKind == JsonValueKind.Undefined || !JsonElement.DeepEquals(found, JsonElement.Parse(expected)))
        {
            var text = found.ValueKind == JsonValueKind.Undefined ? "nothing" : found.GetRawText();
            var shown = text.Length > LongestShown ? $"{text[..LongestShown]}..." : text;
            throw new InputException($"{file}: the layer '{name}' has {shown} as its {setting}, ResNet-50 {expected}. {KerasResNet.Known}");
        }
    }
}
