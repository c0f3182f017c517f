namespace CondEmbed.WeightFiles;

/// <summary>What a safetensors file holds.</summary>
/// <param name="Arrays">The arrays, in the order of their bytes in the file.</param>
/// <param name="Metadata">Free texts by name, in the order of the file; null when the file has no such part.</param>
public sealed record SafetensorsFile(IReadOnlyList<NamedArray> Arrays, IReadOnlyList<KeyValuePair<string, string>>? Metadata)
{
    /// <summary>One text of the metadata; null when it is not there.</summary>
    public string? Text(string name) => Metadata?.Where(pair => pair.Key == name).Select(pair => pair.Value).FirstOrDefault();
}
