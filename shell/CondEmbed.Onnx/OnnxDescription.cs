using Microsoft.ML.OnnxRuntime;

namespace CondEmbed.Onnx;

/// <summary>What an exported network says about itself.</summary>
internal sealed record OnnxDescription(Preprocessing Preprocessing, int Dimension, string Fingerprint, string Settings)
{
    private static string Remedy => $"Export it again from its run: {Wording.Of("OnnxExport.Write of the package CondEmbed", "condembed export RUN --onnx FILE")}.";

    /// <summary>Reads the metadata, and checks that the input and output match it.</summary>
    /// <exception cref="InputException">They do not, or the metadata is missing.</exception>
    internal static OnnxDescription Read(string file, InferenceSession session)
    {
        var metadata = session.ModelMetadata.CustomMetadataMap;
        string Text(string key) => metadata.TryGetValue(key, out var text)
            ? text
            : throw new InputException($"{file}: an ONNX model, but not one that this program wrote: its metadata has no {key}. {Remedy}");

        var preprocessing = PreprocessingOf(file, Text(OnnxNames.Preprocessing));
        var side = preprocessing.View.Crop;
        Demand(file, "input", session.InputMetadata, OnnxNames.Input, typeof(byte), [-1, side, side, 3]);
        Demand(file, "output", session.OutputMetadata, OnnxNames.Output, typeof(float), [-1, null]);
        return new OnnxDescription(
            preprocessing, session.OutputMetadata[OnnxNames.Output].Dimensions[1], Text(OnnxNames.Fingerprint), Text(OnnxNames.Config));
    }

    private static Preprocessing PreprocessingOf(string file, string json)
    {
        try
        {
            return Preprocessing.Parse(json);
        }
        catch (FormatException problem)
        {
            throw new InputException($"{file}: its metadata {OnnxNames.Preprocessing} cannot be read: {problem.Message} {Remedy}");
        }
    }

    /// <summary>Requires exactly one value, with that name, type and shape; null stands for any number above 0.</summary>
    private static void Demand(
        string file, string kind, IReadOnlyDictionary<string, NodeMetadata> values, string name, Type type, int?[] shape)
    {
        var found = string.Join(", ", values.Select(value => $"'{value.Key}' {value.Value.ElementType?.Name} [{string.Join(", ", value.Value.Dimensions)}]"));

        if (values.Count != 1 || !values.TryGetValue(name, out var only) || only.ElementType != type || !Fits(only.Dimensions, shape))
        {
            var wanted = string.Join(", ", shape.Select(size => size is null ? "D" : $"{size}"));
            throw new InputException($"{file}: its {kind} is {found}; expected '{name}' {type.Name} [{wanted}]. {Remedy}");
        }
    }

    private static bool Fits(int[] dimensions, int?[] shape) =>
        dimensions.Length == shape.Length && dimensions.Zip(shape).All(pair => pair.Second is { } size ? pair.First == size : pair.First > 0);
}
