namespace CondEmbed.WeightFiles;

/// <summary>The content of a safetensors file.</summary>
/// <param name="Arrays">The arrays, in the order of their bytes in the file.</param>
/// <param name="Metadata">Free-form metadata by name, in the order of the file; null if the file has none.</param>
public sealed record SafetensorsFile(IReadOnlyList<NamedArray> Arrays, IReadOnlyList<KeyValuePair<string, string>>? Metadata)
{
    /// <summary>One metadata value; null if it is missing.</summary>
    public string? Text(string name) => Metadata?.Where(pair => pair.Key == name).Select(pair => pair.Value).FirstOrDefault();
}
