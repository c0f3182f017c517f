using System.Text.Json;

namespace CondEmbed.Checkpoints;

/// <summary>Values of JSON that a user may have damaged.</summary>
internal static class JsonItems
{
    /// <summary>The items of an array.</summary>
    /// <exception cref="InvalidOperationException">It is no array.</exception>
    internal static IReadOnlyList<JsonElement> Items(this JsonElement array)
    {
        using var items = array.EnumerateArray();
        return [.. items];
    }

    /// <summary>A text that must be there.</summary>
    /// <param name="value">The value.</param>
    /// <param name="file">The file, for the message.</param>
    /// <param name="member">What the value is, for the message.</param>
    /// <exception cref="InputException">It is null, or anything else than a text.</exception>
    internal static string Text(this JsonElement value, string file, string member) =>
        value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : throw new InputException($"{file}: {member} must be a text, and is of the kind {value.ValueKind}; convert or download the model anew.");
}
