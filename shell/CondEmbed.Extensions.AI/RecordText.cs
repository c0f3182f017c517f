using System.ComponentModel;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace CondEmbed.Extensions.AI;

/// <summary>
/// Records as a store keeps them: an id, a path, a label and an embedding. Where a record is no more than an image's id, a text and a label, the text is the path, so that what
/// <c>condembed index</c> wrote can be read, and the other way round. Any other record is a document in the place of the path.
/// </summary>
internal sealed class RecordText<TKey, TRecord>(RecordShape<TKey, TRecord> shape)
    where TKey : notnull
    where TRecord : class
{
    private const string Beginning = "{\"key\":";
    private const int MostShown = 64;

    private readonly PropertyInfo? only =
        shape.Data.Where(data => data.Property != shape.Label).ToList() is [var one] && one.Property.PropertyType == typeof(string) ? one.Property : null;

    /// <summary>What people call a record: its class and key, of which a long one is cut.</summary>
    internal string NameOf(TRecord record) => $"{typeof(TRecord).Name} '{(KeyTextOf(record) is { Length: > MostShown } key ? key[..MostShown] + "..." : KeyTextOf(record))}'";

    internal StoreItem ItemOf(TRecord record, ReadOnlyMemory<float> embedding)
    {
        var key = KeyTextOf(record);
        var id = RecordShape<TKey, TRecord>.IdOf(key);
        var label = shape.Label?.GetValue(record) as string;
        var isPlain = id == key && typeof(TKey) == typeof(string) && only is not null && (shape.Label is null || label is not null);
        var path = isPlain && only!.GetValue(record) is string plain && !plain.StartsWith(Beginning, StringComparison.Ordinal) ? plain : Document(key, record);
        return new StoreItem(id, path, label ?? "", embedding);
    }

    /// <summary>The record of what a store has; without its vector, if that is null.</summary>
    internal TRecord RecordOf(string id, string path, string label, ReadOnlyMemory<float>? vector)
    {
        var isDocument = path.StartsWith(Beginning, StringComparison.Ordinal);
        if (!isDocument && typeof(TKey) != typeof(string))
        {
            throw RecordShape<TKey, TRecord>.Refused("does not fit: the store has images under their ids, and needs a text as the key");
        }

        try
        {
            var values = isDocument ? Read(path) : Plain(id, path, label);
            if (vector is { } numbers)
            {
                values[shape.Vector.Name] = InItsType(numbers);
            }

            return shape.Maker.Make(values);
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException or FormatException or NotSupportedException or ArgumentException)
        {
            throw new InputException($"{id}: what the store has under this id is not a {typeof(TRecord).Name}: {problem.Message}");
        }
    }

    /// <summary>An image as <c>condembed index</c> stores it.</summary>
    private Dictionary<string, object?> Plain(string id, string path, string label)
    {
        var values = new Dictionary<string, object?>(StringComparer.Ordinal) { [shape.Key.Name] = id };
        if (only is not null)
        {
            values[only.Name] = path;
        }

        if (shape.Label is { } named)
        {
            values[named.Name] = label;
        }

        return values;
    }

    /// <summary>What <see cref="Document"/> wrote, by the names of the properties. Another program may have written it.</summary>
    private Dictionary<string, object?> Read(string document)
    {
        if (JsonNode.Parse(document) is not JsonObject { Count: > 0 } all || all["key"] is not JsonValue key || all["data"] is not JsonObject data)
        {
            throw new JsonException("it has no key or no data");
        }

        var values = new Dictionary<string, object?>(StringComparer.Ordinal) { [shape.Key.Name] = KeyOf(key.GetValue<string>()) };
        foreach (var (property, name) in shape.Data)
        {
            if (data.TryGetPropertyValue(name, out var value))
            {
                values[property.Name] = value?.Deserialize(property.PropertyType);
            }
        }

        return values;
    }

    private object InItsType(ReadOnlyMemory<float> vector)
    {
        var type = shape.Vector.PropertyType;
        return type == typeof(float[]) ? vector.ToArray() : type == typeof(Embedding<float>) ? new Embedding<float>(vector) : vector;
    }

    private static object? KeyOf(string text) => TypeDescriptor.GetConverter(typeof(TKey)).ConvertFromString(null, CultureInfo.InvariantCulture, text);

    private string KeyTextOf(TRecord record) =>
        shape.Key.GetValue(record) is TKey value && RecordShape<TKey, TRecord>.TextOf(value) is { Length: > 0 } text
            ? text
            : throw new ArgumentException($"a record of {typeof(TRecord).Name} has no key; set {shape.Key.Name}.");

    private string Document(string key, TRecord record)
    {
        var data = new JsonObject();
        foreach (var (property, name) in shape.Data)
        {
            data[name] = JsonSerializer.SerializeToNode(property.GetValue(record), property.PropertyType);
        }

        return new JsonObject { ["key"] = key, ["data"] = data }.ToJsonString();
    }
}
