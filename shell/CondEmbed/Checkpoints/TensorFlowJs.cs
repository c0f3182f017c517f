using System.Text.Json;

namespace CondEmbed.Checkpoints;

/// <summary>
/// Reads the folder of a TensorFlow.js layers model: <c>model.json</c>, whose <c>weightsManifest</c> lists arrays in the order of their bytes, and
/// the binary shards beside it. What network it is, is the topology's to say: see <see cref="KerasResNet"/>.
/// </summary>
internal static class TensorFlowJs
{
    internal const string Format = "TensorFlow.js";
    private const string ModelName = "model.json";
    private const long LongestModel = 64_000_000;

    /// <summary>Reads the folder, or the folder of its <c>model.json</c>.</summary>
    /// <exception cref="InputException">A file is missing or broken, or the network is none that is known.</exception>
    internal static WeightFile Read(string path)
    {
        var model = Directory.Exists(path) ? Path.Combine(path, ModelName) : path;
        if (!File.Exists(model))
        {
            throw new InputException(
                $"{path}: a folder without {ModelName}. Give a weight file (.safetensors, .pth), or the folder of a TensorFlow.js layers model.");
        }

        if (FileLength.Of(model) > LongestModel)
        {
            throw new InputException($"{model}: longer than the {LongestModel} bytes that are read.");
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(model));
            var root = document.RootElement;
            if (root.TryGetProperty("format", out var given) && given.Text(model, "'format'") is var format and not "layers-model")
            {
                throw new InputException($"{model}: a {format}; only layers models are read (tensorflowjs_converter --output_format tfjs_layers_model).");
            }

            var topology = root.GetProperty("modelTopology");
            var network = new KerasNetwork(model, topology.TryGetProperty("model_config", out var config) ? config : topology);
            return KerasResNet.Import(path, network, ReadWeights(model, root.GetProperty("weightsManifest")));
        }
        catch (Exception problem) when (problem is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            throw new InputException($"{model}: not the model.json of a TensorFlow.js layers model: {problem.Message}");
        }
    }

    private static Dictionary<string, KerasArray> ReadWeights(string model, JsonElement manifest)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(model))!;
        var arrays = new Dictionary<string, KerasArray>(StringComparer.Ordinal);
        foreach (var group in manifest.Items())
        {
            var bytes = Join(model, [.. group.GetProperty("paths").Items().Select(shard => ShardPath(model, folder, shard.Text(model, "a shard of 'paths'")))]);
            var at = 0L;
            foreach (var weight in group.GetProperty("weights").Items())
            {
                var stored = StoredArray.Of(model, weight);
                if (stored.Bytes > bytes.Length - at)
                {
                    throw new InputException($"{model}: '{stored.Name}' needs {stored.Bytes} bytes, and its shards have {bytes.Length - at} left.");
                }

                if (!arrays.TryAdd(stored.Name, stored.Read(bytes.AsSpan((int)at, (int)stored.Bytes))))
                {
                    throw new InputException($"{model}: '{stored.Name}' stands there twice.");
                }

                at += (long)stored.Bytes;
            }

            if (at != bytes.Length)
            {
                throw new InputException($"{model}: its weights take {at} bytes, and the shards have {bytes.Length}.");
            }
        }

        return arrays;
    }

    private static string ShardPath(string model, string folder, string name) =>
        name.Length > 0 && name != ".." && name.IndexOfAny(['/', '\\', ':']) < 0
            ? Path.Combine(folder, name)
            : throw new InputException($"{model}: names the shard '{name}', which is no file beside it.");

    private static byte[] Join(string model, string[] shards)
    {
        if (shards.Distinct(StringComparer.Ordinal).Count() != shards.Length)
        {
            throw new InputException($"{model}: names a shard twice.");
        }

        var lengths = shards.Select(shard => File.Exists(shard) ? FileLength.Of(shard) : throw new InputException($"{shard}: is missing; {model} names it.")).ToList();
        var total = lengths.Aggregate((Int128)0, (sum, length) => sum + length);
        if (total > Array.MaxLength)
        {
            throw new InputException($"{model}: its shards have {total} bytes, more than one array can hold ({Array.MaxLength}).");
        }

        var bytes = new byte[(int)total];
        var at = 0;
        foreach (var (shard, length) in shards.Zip(lengths))
        {
            using var stream = File.OpenRead(shard);
            stream.ReadExactly(bytes, at, (int)length);
            at += (int)length;
        }

        return bytes;
    }
}
