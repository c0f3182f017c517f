using CondEmbed.Search;

namespace CondEmbed.Interchange;

/// <summary>Reads <c>{"embeddings": [[...], ...], "labels": [...]}</c>, and the paths of the images where they are wanted and there is a list <c>paths</c>; other members are ignored.</summary>
internal static class LabelledEmbeddingsJson
{
    private const string Form = "{\"embeddings\": [[...], ...], \"labels\": [...]} is expected";

    internal static LabelledEmbeddings Read(string path, LabelledEmbeddings.Wanted wanted) => TextFile.ReadJson(path, root => Read(path, root, wanted));

    private static LabelledEmbeddings Read(string path, JsonElement root, LabelledEmbeddings.Wanted wanted)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new InputException($"{path}: found {TextFile.KindOf(root.ValueKind)} where {Form}");
        }

        var problems = new ProblemList();
        var rows = Member(path, root, "embeddings", problems);
        JsonElement? labels = wanted.Labels || root.TryGetProperty("labels", out _) ? Member(path, root, "labels", problems) : null;
        JsonElement? paths = wanted.Paths && root.TryGetProperty("paths", out _) ? Member(path, root, "paths", problems) : null;
        problems.ThrowIfAny();
        var values = Rows(path, rows, problems);
        var count = rows.GetArrayLength();
        var (labelTexts, pathTexts) = (labels is { } given ? Texts(path, given, "label", problems) : null, paths is { } named ? Texts(path, named, "path", problems) : null);
        if (pathTexts is not null && pathTexts.Length != count)
        {
            problems.Add($"{path}: {count} embeddings but {pathTexts.Length} paths");
        }

        problems.ThrowIfAny();
        return new LabelledEmbeddings(path, new Embeddings<double>(values, count, values.Length / count), null, labelTexts) { Paths = pathTexts };
    }

    private static JsonElement Member(string path, JsonElement root, string name, ProblemList problems)
    {
        if (!root.TryGetProperty(name, out var value) || value.ValueKind != JsonValueKind.Array || value.GetArrayLength() == 0)
        {
            problems.Add($"{path}: no list '{name}', or an empty one; {Form}");
        }

        return value;
    }

    /// <summary>The numbers of all rows; they take no more memory than the file has numbers, whatever the first row promises of the others.</summary>
    private static double[] Rows(string path, JsonElement rows, ProblemList problems)
    {
        var dimension = rows[0].ValueKind == JsonValueKind.Array ? Math.Max(1, rows[0].GetArrayLength()) : 1;
        var values = new List<double>();
        var row = 0;
        using var all = rows.EnumerateArray();
        foreach (var numbers in all)
        {
            if (Add(numbers, dimension, values) is { } problem)
            {
                problems.Add($"{path}: embedding {row} (counted from 0) {problem}");
            }

            row++;
        }

        return [.. values];
    }

    private static string? Add(JsonElement numbers, int dimension, List<double> values)
    {
        if (numbers.ValueKind != JsonValueKind.Array || numbers.GetArrayLength() != dimension)
        {
            var what = numbers.ValueKind == JsonValueKind.Array ? $"has {numbers.GetArrayLength()} numbers" : $"is {TextFile.KindOf(numbers.ValueKind)}";
            return $"{what}; expected {dimension} numbers";
        }

        using var all = numbers.EnumerateArray();
        foreach (var number in all)
        {
            if (number.ValueKind != JsonValueKind.Number || !number.TryGetDouble(out var value))
            {
                return $"contains {number.GetRawText()}, which is not a number";
            }

            values.Add(value);
        }

        return null;
    }

    private static string[] Texts(string path, JsonElement list, string what, ProblemList problems)
    {
        var texts = new List<string>();
        using var all = list.EnumerateArray();
        foreach (var one in all)
        {
            if (one.ValueKind is not (JsonValueKind.String or JsonValueKind.Number))
            {
                problems.Add($"{path}: {what} {texts.Count} (counted from 0) is {TextFile.KindOf(one.ValueKind)}, not text or a number");
            }

            texts.Add(one.ToString());
        }

        return [.. texts];
    }
}
