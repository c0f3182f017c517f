using System.Text.Json;

namespace CondEmbed.Checkpoints;

/// <summary>Arrays of JSON as lists.</summary>
internal static class JsonItems
{
    /// <summary>The items of an array.</summary>
    /// <exception cref="InvalidOperationException">It is no array.</exception>
    internal static IReadOnlyList<JsonElement> Items(this JsonElement array)
    {
        using var items = array.EnumerateArray();
        return [.. items];
    }
}
