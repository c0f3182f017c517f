using System.Runtime.InteropServices;
using System.Text.Json;

namespace CondEmbed.Checkpoints;

/// <summary>An array of a Keras network, in single precision.</summary>
internal sealed record KerasArray(int[] Shape, float[] Values);

/// <summary>How an array lies in the shards: float32, or one of the quantised forms, whose value is <c>min + scale * stored</c>.</summary>
internal sealed record StoredArray(string Name, int[] Shape, string Type, double Scale, double Min)
{
    internal Int128 Count => ElementTypes.CountOf([.. Shape.Select(size => (long)size)]) ?? long.MaxValue;

    internal Int128 Bytes => Count * (Type switch { "uint8" => 1, "uint16" or "float16" => 2, _ => 4 });

    internal static StoredArray Of(string model, JsonElement weight)
    {
        var name = weight.GetProperty("name").Text(model, "the 'name' of a weight");
        var type = weight.GetProperty("dtype").Text(model, $"the 'dtype' of '{name}'");
        double scale = 1, min = 0;
        if (weight.TryGetProperty("quantization", out var quantised))
        {
            type = quantised.GetProperty("dtype").Text(model, $"the quantised 'dtype' of '{name}'");
            scale = quantised.TryGetProperty("scale", out var given) ? given.GetDouble() : 1;
            min = quantised.TryGetProperty("min", out var least) ? least.GetDouble() : 0;
        }
        else if (type != "float32")
        {
            throw new InputException($"{model}: '{name}' is {type}; the weights of a network are float32.");
        }

        int[] shape = [.. weight.GetProperty("shape").Items().Select(size => size.GetInt32())];
        return type is "float32" or "float16" or "uint16" or "uint8" && shape.All(size => size >= 0)
            ? new StoredArray(name, shape, type, scale, min)
            : throw new InputException($"{model}: '{name}' is {type} [{string.Join(", ", shape)}], which is not read.");
    }

    internal KerasArray Read(ReadOnlySpan<byte> bytes)
    {
        var values = new float[(int)Count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = Type switch
            {
                "float32" => MemoryMarshal.Read<float>(bytes[(4 * i)..]),
                "float16" => (float)MemoryMarshal.Read<Half>(bytes[(2 * i)..]),
                "uint16" => (float)(Min + (Scale * MemoryMarshal.Read<ushort>(bytes[(2 * i)..]))),
                _ => (float)(Min + (Scale * bytes[i])),
            };
        }

        return new KerasArray(Shape, values);
    }
}
