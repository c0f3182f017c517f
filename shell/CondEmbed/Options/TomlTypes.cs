using Tomlyn.Model;

namespace CondEmbed.Options;

/// <summary>Whether a value of a TOML file has the type of its setting. What the text of a value says is checked later, with that of options.</summary>
internal static class TomlTypes
{
    /// <summary>The settings that are lists, which may also be written as one text with commas.</summary>
    private static readonly string[] Lists = ["label_columns", "freeze", "unfreeze", "recall_at", "precision_at"];

    private static readonly Dictionary<string, SettingDescription> Known = RunSettings.All.ToDictionary(setting => setting.Key);

    /// <summary>Why a setting cannot have a value, and how to write it; null if it can by its type, or if there is no such setting.</summary>
    internal static string? Problem(string key, object? value)
    {
        string[] parts = key.Replace('-', '_').Split('.');

        if (!Known.TryGetValue(parts[0], out var setting))
        {
            // Of a name that is none, what the settings themselves say is enough, unless a table hides that it is one.
            return parts.Length > 1 && Known.ContainsKey(parts[^1])
                ? $"there is no such setting; '{parts[^1]}' stands above all tables of a file of settings: leave '{string.Join('.', parts[..^1])}' out"
                : null;
        }

        return value switch
        {
            string text when Unquoted(setting.Type, text) is { } bare => $"is {TypeOf(setting)}, and {TomlSettings.Shown(text)} is text: leave the quotes out, as in {key} = {bare}",
            TomlArray when !Lists.Contains(setting.Key) => $"is {TypeOf(setting)}, and {TomlSettings.Shown(value)} is a list: give one value. Values for a study to try stand in a list below [grid]",
            TomlTableArray => $"is {TypeOf(setting)}, and [[{key}]] is a list of tables: give one value, as in {key} = ...",
            _ => null,
        };
    }

    /// <summary>The text of a value, of the first of a list where one value is wanted; null if nothing of it can be read, so that its type is all there is to say.</summary>
    internal static string? Read(string key, object? value)
    {
        if (Problem(key, value) is null)
        {
            return TomlSettings.Text(value);
        }

        return value switch
        {
            string text => text,
            TomlArray { Count: > 0 } list => Read(key, list[0]),
            _ => null,
        };
    }

    /// <summary>What to do about a number in quotes, as the end of a sentence; nothing if it is something else.</summary>
    internal static string Advice(object? value) => value is string text && Unquoted("number", text) is not null ? ": leave the quotes out" : "";

    private static string TypeOf(SettingDescription setting) => setting.Type switch
    {
        "true or false" => "true or false",
        "numbers by name" => "a number",
        "text" => "one text",
        var type => $"a {type}",
    };

    /// <summary>A number or truth value that is written as text, without its quotes; null if it is something else.</summary>
    private static string? Unquoted(string type, string text) => type switch
    {
        "true or false" => bool.TryParse(text, out var flag) ? TomlSettings.Text(flag) : null,
        "text" => null,
        _ => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _) ? text.Trim() : null,
    };
}
