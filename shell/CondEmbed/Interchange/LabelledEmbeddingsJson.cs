using System.Text.Json;
using CondEmbed.Common;
using CondEmbed.Search;

namespace CondEmbed.Interchange;

/// <summary>Reads <c>{"embeddings": [[...], ...], "labels": [...]}</c>; other members are ignored.</summary>
internal static class LabelledEmbeddingsJson
{
    private const string Form = "{\"embeddings\": [[...], ...], \"labels\": [...]} is expected";

    internal static LabelledEmbeddings Read(string path) => TextFile.ReadJson(path, root => Read(path, root));

    private static LabelledEmbeddings Read(string path, JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new InputException($"{path}: found {root.ValueKind} where {Form}");
        }

        var problems = new ProblemList();
        var rows = Member(path, root, "embeddings", problems);
        var labels = Member(path, root, "labels", problems);
        problems.ThrowIfAny();
        var values = Rows(path, rows, problems);
        var texts = Labels(path, labels, problems);
        problems.ThrowIfAny();
        var count = rows.GetArrayLength();
        return new LabelledEmbeddings(path, new Embeddings<double>(values, count, values.Length / count), null, texts);
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
            var what = numbers.ValueKind == JsonValueKind.Array ? $"has {numbers.GetArrayLength()} numbers" : $"is {numbers.ValueKind}";
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

    private static string[] Labels(string path, JsonElement labels, ProblemList problems)
    {
        var texts = new List<string>();
        using var all = labels.EnumerateArray();
        foreach (var label in all)
        {
            if (label.ValueKind is not (JsonValueKind.String or JsonValueKind.Number))
            {
                problems.Add($"{path}: label {texts.Count} (counted from 0) is {label.ValueKind}, not text or a number");
            }

            texts.Add(label.ToString());
        }

        return [.. texts];
    }
}
