namespace CondEmbed.Interchange;

/// <summary>Reads the text files that <see cref="EmbeddingText"/> writes.</summary>
internal static class EmbeddingTextReader
{
    /// <summary>CSV with the columns <c>[path,][label,]e0,e1,...</c>.</summary>
    internal static void ReadCsv(string path, EmbeddingRows rows)
    {
        string[]? header = null;
        foreach (var (line, fields) in DelimitedText.Records(TextFile.Lines(path), ',', path))
        {
            if (header is null)
            {
                header = fields;
                if (fields is [var only] && only.AsSpan().IndexOfAny(';', '\t') is >= 0 and var at)
                {
                    throw new InputException($"{path}, line {line}: fields are separated by {(only[at] == ';' ? "semicolons" : "tabs")}; separate them by commas");
                }

                DemandNames($"{path}, line {line}", header);
                continue;
            }

            if (fields.Length != header.Length)
            {
                rows.Problem($"line {line}", $"{fields.Length} fields, but the first line has {header.Length}");
                continue;
            }

            Add(rows, line, header, fields);
        }
    }

    /// <summary>A line <c>{"label": ..., "embedding": [...]}</c> for each image.</summary>
    internal static void ReadJsonLines(string path, EmbeddingRows rows)
    {
        var line = 0;
        foreach (var text in TextFile.Lines(path))
        {
            line++;
            if (text.Trim().Length > 0)
            {
                try
                {
                    using var document = JsonDocument.Parse(text);
                    Add(rows, line, document.RootElement);
                }
                catch (Exception problem) when (TextFile.IsBadJson(problem))
                {
                    rows.Problem($"line {line}", $"not valid JSON: {problem.Message}");
                }
            }
        }
    }

    /// <summary>Sees to it that the first line has names, and that every column of numbers is a part of the embedding, and not, say, the number of the row.</summary>
    private static void DemandNames(string place, string[] header)
    {
        string[] features = [.. header.Where(name => !IsNamed(name, "label") && !IsNamed(name, "path"))];

        // A line of names may count, 0,1,...; one of an embedding's numbers hardly does.
        float[] counts = [.. features.Select(name => float.TryParse(name, CultureInfo.InvariantCulture, out var number) ? number : float.NaN).Where(float.IsFinite)];

        if (counts.Any(number => number < 0 || number != MathF.Truncate(number)) || counts.Zip(counts.Skip(1)).Any(pair => pair.First >= pair.Second))
        {
            throw new InputException($"{place}: holds numbers where the columns' names should stand. Put a line above it, such as label,e0,e1,...");
        }

        // As e0, e1, ... and 0, 1, ... are; x, y and z are not.
        var areNumbered = features.Any(IsNumbered);

        if (features.FirstOrDefault(name => areNumbered ? !IsNumbered(name) : name.Length == 0 || IsNamed(name, "id") || IsNamed(name, "index")) is { } other)
        {
            throw new InputException($"{place}: the column '{other}' does not look like a part of the embedding, as '{features.LastOrDefault(IsNumbered) ?? features[^1]}' does. Take it out, or call it path or label if it is that.");
        }

        static bool IsNumbered(string name) => name.Length > 0 && char.IsAsciiDigit(name[^1]);
    }

    private static bool IsNamed(string column, string name) => column.Equals(name, StringComparison.OrdinalIgnoreCase);

    private static void Add(EmbeddingRows rows, int line, string[] header, string[] fields)
    {
        var row = new List<float>(fields.Length);
        string? label = null;
        string? image = null;
        for (var i = 0; i < fields.Length; i++)
        {
            if (IsNamed(header[i], "label"))
            {
                label = fields[i];
            }
            else if (IsNamed(header[i], "path"))
            {
                image = fields[i];
            }
            else if (float.TryParse(fields[i], CultureInfo.InvariantCulture, out var number))
            {
                row.Add(number);
            }
            else
            {
                rows.Problem($"line {line}", $"'{fields[i]}' in the column '{header[i]}' is not a number");
                return;
            }
        }

        rows.Add($"line {line}", CollectionsMarshal.AsSpan(row), label, image);
    }

    private static void Add(EmbeddingRows rows, int line, JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object
            || !root.TryGetProperty("embedding", out var embedding)
            || embedding.ValueKind != JsonValueKind.Array)
        {
            rows.Problem($"line {line}", "no list 'embedding'");
            return;
        }

        var row = new float[embedding.GetArrayLength()];
        var at = 0;
        using var all = embedding.EnumerateArray();
        foreach (var number in all)
        {
            if (number.ValueKind != JsonValueKind.Number || !number.TryGetSingle(out row[at++]))
            {
                rows.Problem($"line {line}", $"'embedding' contains {number.GetRawText()}, which is not a number");
                return;
            }
        }

        var known = root.TryGetProperty("label", out var label) && label.ValueKind is JsonValueKind.String or JsonValueKind.Number;
        var image = root.TryGetProperty("path", out var path) && path.ValueKind == JsonValueKind.String ? path.GetString() : null;
        rows.Add($"line {line}", row, known ? label.ToString() : null, image);
    }
}
