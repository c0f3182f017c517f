namespace CondEmbed.WeightFiles;

/// <summary>Names of element types in safetensors files.</summary>
internal static class SafetensorsTypes
{
    private static readonly Dictionary<string, ElementType> Types =
        Enum.GetValues<ElementType>().ToDictionary(NameOf, type => type, StringComparer.Ordinal);

    internal static string Known => string.Join(' ', Types.Keys);

    internal static string NameOf(ElementType type) => type.ToString().ToUpperInvariant();

    internal static ElementType? Parse(string name) => Types.TryGetValue(name, out var type) ? type : null;
}
