using System.Text.Json;
using System.Text.Json.Serialization;

namespace CondEmbed.Common;

/// <summary>JSON as our files have it: names in snake case, NaN and infinities as strings, and nothing missing that a record demands.</summary>
internal static class JsonStyle
{
    /// <summary>One document on one line.</summary>
    internal static JsonSerializerOptions Line { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        AllowOutOfOrderMetadataProperties = true,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
    };

    /// <summary>The same, indented for people.</summary>
    internal static JsonSerializerOptions Indented { get; } = new(Line) { WriteIndented = true };
}
