using System.Text.Json;

namespace CondEmbed.Checkpoints;

/// <summary>The layers of a Keras network by name, with what their configuration says.</summary>
internal sealed class KerasNetwork
{
    private readonly string file;
    private readonly Dictionary<string, JsonElement> layers = new(StringComparer.Ordinal);

    internal KerasNetwork(string file, JsonElement model)
    {
        this.file = file;
        foreach (var layer in model.GetProperty("config").GetProperty("layers").Items())
        {
            layers[layer.GetProperty("config").GetProperty("name").GetString()!] = layer;
        }
    }

    /// <summary>Whether there is a layer of that name.</summary>
    internal bool Has(string name) => layers.ContainsKey(name);

    /// <summary>The epsilon of a batch norm, which must scale and shift.</summary>
    internal double Epsilon(string name)
    {
        var config = Config(name, "BatchNormalization");
        Demand(name, "scale", config.GetProperty("scale").GetBoolean());
        Demand(name, "center", config.GetProperty("center").GetBoolean());
        return config.GetProperty("epsilon").GetDouble();
    }

    /// <summary>The stride of a square convolution of that many rows and columns, the same both ways, over channels-last maps.</summary>
    internal int Stride(string name, int kernel)
    {
        var config = Config(name, "Conv2D");
        var strides = Pair(config, "strides");
        Demand(name, "kernel_size", Pair(config, "kernel_size") == (kernel, kernel));
        Demand(name, "strides", strides.First == strides.Second);
        Demand(name, "dilation_rate", Pair(config, "dilation_rate") == (1, 1));
        Demand(name, "activation", config.GetProperty("activation").GetString() == "linear");
        Demand(name, "data_format", config.GetProperty("data_format").GetString() == "channels_last");
        return strides.First;
    }

    private static (int First, int Second) Pair(JsonElement config, string name) =>
        (config.GetProperty(name)[0].GetInt32(), config.GetProperty(name)[1].GetInt32());

    private JsonElement Config(string name, string kind) =>
        layers.TryGetValue(name, out var layer) && layer.GetProperty("class_name").GetString() == kind
            ? layer.GetProperty("config")
            : throw new InputException($"{file}: has no layer '{name}' of kind {kind}. {KerasResNet.Known}");

    private void Demand(string name, string setting, bool holds)
    {
        if (!holds)
        {
            throw new InputException($"{file}: the layer '{name}' has another {setting} than ResNet-50. {KerasResNet.Known}");
        }
    }
}
