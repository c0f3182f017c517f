using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace CondEmbed.Common;

/// <summary>JSON as our files have it: names in snake case, NaN and infinities as strings, and nothing missing that a record demands.</summary>
[RequiresUnreferencedCode(Reflects)]
[RequiresDynamicCode(Reflects)]
internal static class JsonStyle
{
    internal const string Reflects = "The properties of what is read or written as JSON are found by reflection.";

    /// <summary>One document on one line.</summary>
    internal static JsonSerializerOptions Line { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        AllowOutOfOrderMetadataProperties = true,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { DemandItems } },
    };

    /// <summary>The same, indented for people.</summary>
    internal static JsonSerializerOptions Indented { get; } = new(Line) { WriteIndented = true };

    /// <summary>Lists and dictionaries hold no null: the annotations of their items are not kept at run time, so they are not respected otherwise.</summary>
    private static void DemandItems(JsonTypeInfo type)
    {
        if (type.Kind is JsonTypeInfoKind.Enumerable or JsonTypeInfoKind.Dictionary && type.ElementType is { IsValueType: false })
        {
            type.OnDeserialized = items =>
            {
                var all = items is IDictionary pairs ? pairs.Values : (IEnumerable)items;
                if (all.Cast<object?>().Contains(null))
                {
                    throw new JsonException("a list or dictionary in it holds null");
                }
            };
        }
    }
}
