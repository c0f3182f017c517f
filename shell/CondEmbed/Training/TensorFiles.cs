using CondEmbed.Checkpoints;
using CondEmbed.Interop;

namespace CondEmbed.Training;

/// <summary>Tensors of the core as safetensors files.</summary>
internal static class TensorFiles
{
    internal static void Write(string path, IReadOnlyList<TensorData> tensors, IEnumerable<KeyValuePair<string, string>>? metadata = null) =>
        Safetensors.Write(
            path,
            [.. tensors.Select(tensor => new NamedArray(tensor.Name, Enum.Parse<ElementType>(tensor.ElementType, ignoreCase: true), tensor.Shape, tensor.Bytes))],
            metadata);

    internal static (IReadOnlyList<TensorData> Tensors, SafetensorsFile File) Read(string path)
    {
        var file = Safetensors.Read(path);
        return (OfArrays(file.Arrays), file);
    }

    internal static IReadOnlyList<TensorData> OfArrays(IReadOnlyList<NamedArray> arrays) =>
        [.. arrays.Select(array => new TensorData(array.Name, SafetensorsTypes.NameOf(array.Type), [.. array.Shape], array.Data.ToArray()))];
}
