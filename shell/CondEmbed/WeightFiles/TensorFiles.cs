namespace CondEmbed.WeightFiles;

/// <summary>Tensors of the core as safetensors files.</summary>
internal static class TensorFiles
{
    internal static void Write(string path, IReadOnlyList<TensorData> tensors, IEnumerable<KeyValuePair<string, string>>? metadata = null) =>
        Safetensors.Write(
            path,
            [.. tensors.Select(tensor => new NamedArray(tensor.Name, Enum.Parse<ElementType>(tensor.ElementType, ignoreCase: true), tensor.Shape, tensor.Bytes))],
            metadata);

    internal static IReadOnlyList<TensorData> Read(string path) => OfArrays(Safetensors.Read(path).Arrays);

    /// <summary>Arrays as the core takes them. The bytes are shared with the array if it owns its buffer; treat them as read-only.</summary>
    internal static IReadOnlyList<TensorData> OfArrays(IReadOnlyList<NamedArray> arrays) =>
        [.. arrays.Select(array => new TensorData(array.Name, array.Type.Name(), [.. array.Shape], BytesOf(array.Data)))];

    private static byte[] BytesOf(ReadOnlyMemory<byte> data) =>
        MemoryMarshal.TryGetArray(data, out var part) && part is { Offset: 0, Array: { } whole } && part.Count == whole.Length ? whole : data.ToArray();
}
