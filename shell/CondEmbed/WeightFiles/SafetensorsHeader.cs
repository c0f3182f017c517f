namespace CondEmbed.WeightFiles;

/// <summary>Where an array lies in the data part of a safetensors file: bytes from <paramref name="Begin"/> to before <paramref name="End"/>.</summary>
internal sealed record SafetensorsEntry(string Name, ElementType Type, long[] Shape, long Begin, long End);

/// <summary>Reads and checks the header of a safetensors file. Everything in it is untrusted until checked.</summary>
internal sealed class SafetensorsHeader(string path, long dataBytes)
{
    private const string MetadataName = "__metadata__";

    private readonly List<SafetensorsEntry> entries = [];
    private List<KeyValuePair<string, string>>? metadata;

    internal IReadOnlyList<KeyValuePair<string, string>>? Metadata => metadata;

    /// <summary>The arrays in the order of their bytes.</summary>
    internal IReadOnlyList<SafetensorsEntry> Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 8 });
            ReadAll(Expect(document.RootElement, JsonValueKind.Object, "the header"));
        }
        catch (JsonException problem)
        {
            throw Wrong($"the header is not valid JSON: {problem.Message}");
        }
        catch (InvalidOperationException)
        {
            // Strings with broken UTF-16 escapes are detected only when they are read.
            throw Wrong("the header contains text that is not valid Unicode");
        }

        // Sorting is stable, so empty arrays keep their places.
        List<SafetensorsEntry> ordered = [.. entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End)];
        CheckCover(ordered);
        return ordered;
    }

    private void ReadAll(JsonElement root)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        using var properties = root.EnumerateObject();
        foreach (var property in properties)
        {
            if (!names.Add(property.Name))
            {
                throw Wrong($"'{property.Name}' appears twice");
            }

            if (property.Name == MetadataName)
            {
                metadata = ReadMetadata(property.Value);
            }
            else
            {
                entries.Add(ReadEntry(property.Name, property.Value));
            }
        }
    }

    private List<KeyValuePair<string, string>> ReadMetadata(JsonElement value)
    {
        var texts = new List<KeyValuePair<string, string>>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        using var properties = Expect(value, JsonValueKind.Object, MetadataName).EnumerateObject();
        foreach (var text in properties)
        {
            if (!names.Add(text.Name))
            {
                throw Wrong($"{MetadataName}: '{text.Name}' appears twice");
            }

            texts.Add(new(text.Name, Expect(text.Value, JsonValueKind.String, $"{MetadataName} '{text.Name}'").GetString()!));
        }

        return texts;
    }

    private SafetensorsEntry ReadEntry(string name, JsonElement value)
    {
        var fields = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        using var properties = Expect(value, JsonValueKind.Object, $"tensor '{name}'").EnumerateObject();
        foreach (var field in properties)
        {
            if (field.Name is not ("dtype" or "shape" or "data_offsets") || !fields.TryAdd(field.Name, field.Value))
            {
                throw Wrong($"tensor '{name}': field '{field.Name}' is unknown or appears twice");
            }
        }

        if (fields.Count != 3)
        {
            throw Wrong($"tensor '{name}': dtype, shape and data_offsets are required; found {string.Join(", ", fields.Keys)}");
        }

        var type = TypeOf(name, fields["dtype"]);
        var shape = Numbers(name, "shape", fields["shape"]);
        var offsets = Numbers(name, "data_offsets", fields["data_offsets"]);
        if (offsets.Length != 2 || offsets[0] > offsets[1] || offsets[1] > dataBytes)
        {
            throw Wrong($"tensor '{name}': data_offsets [{string.Join(", ", offsets)}] are outside the {dataBytes} bytes of data");
        }

        if (ElementTypes.CountOf(shape) is not { } count || (Int128)count * type.Size() != offsets[1] - offsets[0])
        {
            throw Wrong($"tensor '{name}': {type} [{string.Join(", ", shape)}] does not fill its {offsets[1] - offsets[0]} bytes");
        }

        return new SafetensorsEntry(name, type, shape, offsets[0], offsets[1]);
    }

    private ElementType TypeOf(string name, JsonElement value)
    {
        var text = Expect(value, JsonValueKind.String, $"tensor '{name}': dtype").GetString()!;
        return ElementTypes.Parse(text) ?? throw Wrong($"tensor '{name}': dtype '{text}' is not one of {string.Join(' ', ElementTypes.Names)}");
    }

    private long[] Numbers(string name, string field, JsonElement value)
    {
        using var items = Expect(value, JsonValueKind.Array, $"tensor '{name}': {field}").EnumerateArray();
        var numbers = new List<long>();
        foreach (var item in items)
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out var number) || number < 0)
            {
                throw Wrong($"tensor '{name}': {field} contains {item.GetRawText()}, which is not a whole number of at least 0");
            }

            numbers.Add(number);
        }

        return [.. numbers];
    }

    // The format allows neither overlaps nor gaps, so that nothing can hide in a file.
    private void CheckCover(List<SafetensorsEntry> ordered)
    {
        long at = 0;
        foreach (var entry in ordered)
        {
            if (entry.Begin != at)
            {
                throw Wrong($"tensor '{entry.Name}' begins at byte {entry.Begin} of the data instead of {at}: {(entry.Begin < at ? "an overlap" : "a gap")}");
            }

            at = entry.End;
        }

        if (at != dataBytes)
        {
            throw Wrong($"the tensors end at byte {at} of the data, but there are {dataBytes}: the file is cut off or too long");
        }
    }

    private JsonElement Expect(JsonElement value, JsonValueKind kind, string what) =>
        value.ValueKind == kind ? value : throw Wrong($"{what} is {TextFile.KindOf(value.ValueKind)}, not {TextFile.KindOf(kind)}");

    private InputException Wrong(string what) => new($"{path}: not a valid safetensors file: {what}");
}
