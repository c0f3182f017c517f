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

    private static void Add(EmbeddingRows rows, int line, string[] header, string[] fields)
    {
        var row = new List<float>(fields.Length);
        string? label = null;
        string? image = null;
        for (var i = 0; i < fields.Length; i++)
        {
            if (header[i].Equals("label", StringComparison.OrdinalIgnoreCase))
            {
                label = fields[i];
            }
            else if (header[i].Equals("path", StringComparison.OrdinalIgnoreCase))
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
