using CondEmbed.Datasets;
using CondEmbed.WeightFiles;

namespace CondEmbed.Interchange;

/// <summary>
/// Labels of embeddings in a file of their own: <c>.npy</c> (N whole numbers), <c>.txt</c> (a label a line), or <c>.csv</c> / <c>.tsv</c>
/// (the column <c>label</c>, or the only column).
/// </summary>
internal static class LabelFile
{
    private static readonly string[] Endings = [".csv", ".tsv", ".npy", ".txt"];

    /// <summary>The name of the labels that belong to a file of embeddings: <c>x.npy</c>, <c>.csv</c> -> <c>x.labels.csv</c>.</summary>
    internal static string Beside(string embeddings, string ending) => Path.ChangeExtension(embeddings, null) + ".labels" + ending;

    /// <summary>Finds the label file next to a file of embeddings.</summary>
    /// <exception cref="InputException">There is none, or there are several.</exception>
    internal static string Find(string embeddings)
    {
        var there = Endings.Select(ending => Beside(embeddings, ending)).Where(File.Exists).ToList();
        return there switch
        {
            [var one] => one,
            [] => throw new InputException(
                $"{embeddings}: no labels given, and none next to it (looked for {string.Join(", ", Endings.Select(ending => Beside(embeddings, ending)))})"),
            _ => throw new InputException($"{embeddings}: more than one file of labels next to it ({string.Join(", ", there)}); name one"),
        };
    }

    /// <summary>The labels of a file; null where they are not needed and it is a table of other columns.</summary>
    internal static string[]? ReadWanted(string path, bool areNeeded) => !areNeeded && IsTable(path) && Column(path, "label") is null ? null : Read(path);

    internal static string[] Read(string path)
    {
        switch (Path.GetExtension(path).ToLowerInvariant())
        {
            case ".npy":
                return Numbers(path);
            case ".csv" or ".tsv":
                return Column(path);
            case ".txt":
                return Lines(path);
            default:
                throw new InputException($"{path}: labels can be {string.Join(' ', Endings)}");
        }
    }

    /// <summary>The further labels of every row of a table by the names of their columns; only those that it has.</summary>
    /// <exception cref="InputException">It is no table, has no such column, or a line has too few fields.</exception>
    internal static IReadOnlyDictionary<string, string>[] Columns(string path, IReadOnlyCollection<string> names)
    {
        if (!IsTable(path))
        {
            throw new InputException($"{path}: columns of labels ({string.Join(", ", names)}) are read from a table: .csv or .tsv");
        }

        var problems = new ProblemList();
        var records = DelimitedText.Read(path, "label");
        string[] header = records.Count == 0 ? [] : records[0].Fields;
        var places = names.ToDictionary(name => name, name => Array.FindIndex(header, field => field.Equals(name, StringComparison.OrdinalIgnoreCase)), StringComparer.Ordinal);
        foreach (var name in names.Where(name => places[name] < 0))
        {
            problems.Add($"{path}, line 1: no column '{name}' among {string.Join(", ", header.Select(field => $"'{field}'"))}{LabelPairs.Nearest(header, name)}");
        }

        foreach (var record in records.Skip(1).Where(record => record.Fields.Length != header.Length))
        {
            problems.Add($"{path}, line {record.Line}: {record.Fields.Length} fields, but the header has {header.Length}");
        }

        problems.ThrowIfAny();
        return
        [
            .. records.Skip(1).Select(record => places
                .Where(place => record.Fields[place.Value].Length > 0)
                .ToDictionary(place => place.Key, place => ClassLabel.Normal(record.Fields[place.Value]), StringComparer.Ordinal)),
        ];
    }

    /// <summary>The column <c>path</c> of a table of labels; null where there is none.</summary>
    internal static string[]? Paths(string path) => IsTable(path) ? Column(path, "path") : null;

    private static bool IsTable(string path) => Path.GetExtension(path).ToLowerInvariant() is ".csv" or ".tsv";

    private static string[]? Column(string path, string name)
    {
        var records = DelimitedText.Read(path, "label", "path");
        var column = records.Count == 0 ? -1 : Array.FindIndex(records[0].Fields, field => field.Equals(name, StringComparison.OrdinalIgnoreCase));
        return column < 0 ? null : [.. records.Skip(1).Select(record => record.Fields.ElementAtOrDefault(column) ?? "")];
    }

    private static string[] Lines(string path) => [.. TextFile.Lines(path).Select(line => line.Trim()).Where(line => line.Length > 0)];

    private static string[] Column(string path)
    {
        var records = DelimitedText.Read(path, "label");
        var column = records.Count == 0 ? -1 : Array.FindIndex(records[0].Fields, name => name.Equals("label", StringComparison.OrdinalIgnoreCase));
        if (column < 0 && records.Exists(record => record.Fields.Length != 1))
        {
            throw new InputException($"{path}: no column 'label' in its first line");
        }

        var problems = new ProblemList();
        foreach (var record in records.Where(record => record.Fields.Length <= column))
        {
            problems.Add($"{path}, line {record.Line}: {record.Fields.Length} fields, but the label is field {column + 1}");
        }

        problems.ThrowIfAny();
        return column < 0 ? [.. records.Select(record => record.Fields[0])] : [.. records.Skip(1).Select(record => record.Fields[column])];
    }

    private static string[] Numbers(string path)
    {
        var array = Npy.Read(path);
        if (array.Shape.Count != 1)
        {
            throw new InputException($"{path}: labels must be one row of numbers, not [{string.Join(", ", array.Shape)}]");
        }

        return array.Type switch
        {
            ElementType.I64 => Texts<long>(array),
            ElementType.I32 => Texts<int>(array),
            ElementType.I16 => Texts<short>(array),
            ElementType.I8 => Texts<sbyte>(array),
            ElementType.U8 => Texts<byte>(array),
            ElementType.F64 or ElementType.F32 or ElementType.F16 => Whole(path, array.Widened()),
            _ => throw new InputException($"{path}: labels must be whole numbers, not {array.Type}"),
        };
    }

    /// <summary>Whole numbers that were saved as floating-point numbers.</summary>
    private static string[] Whole(string path, NamedArray array)
    {
        double[] numbers = array.Type == ElementType.F64
            ? [.. MemoryMarshal.Cast<byte, double>(array.Data.Span)]
            : [.. MemoryMarshal.Cast<byte, float>(array.Data.Span).ToArray().Select(number => (double)number)];
        var wrong = Array.FindIndex(numbers, number => number != Math.Floor(number) || Math.Abs(number) > 1L << 53);
        return wrong < 0
            ? [.. numbers.Select(number => ((long)number).ToString(CultureInfo.InvariantCulture))]
            : throw new InputException($"{path}: label {wrong} (counted from 0) is {numbers[wrong].ToString(CultureInfo.InvariantCulture)}, not a whole number. Save labels as integers: labels.astype('int64').");
    }

    private static string[] Texts<T>(NamedArray array)
        where T : unmanaged, IFormattable =>
        [.. MemoryMarshal.Cast<byte, T>(array.Data.Span).ToArray().Select(number => number.ToString(null, CultureInfo.InvariantCulture))];
}
