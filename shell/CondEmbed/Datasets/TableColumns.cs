namespace CondEmbed.Datasets;

/// <summary>The positions of the known columns of a table; names are compared case-insensitively.</summary>
internal sealed class TableColumns
{
    /// <summary>Possible names of the path column: here, in Hugging Face's metadata.csv, and elsewhere. The first one present counts.</summary>
    internal static readonly string[] PathNames = ["path", "file_name", "filename", "image_path", "image"];

    private readonly Dictionary<string, int> places = new(StringComparer.OrdinalIgnoreCase);

    internal bool HasBox => Has("x");

    internal bool HasCorners => Has("x_1");

    internal bool HasFlags => Has("is_query") || Has("is_gallery");

    /// <summary>The further columns of labels, as they were asked for.</summary>
    internal required IReadOnlyCollection<string> Labels { get; init; }

    internal static TableColumns Of(string path, DelimitedRecord header, IReadOnlyCollection<string> labels, ProblemList problems)
    {
        var columns = new TableColumns { Labels = labels };
        foreach (var (name, at) in header.Fields.Select((name, at) => (name, at)))
        {
            if (name.Length > 0 && !columns.places.TryAdd(name, at))
            {
                problems.Add($"{path}, line {header.Line}: the column '{name}' appears twice");
            }
        }

        if (Array.Find(PathNames, columns.Has) is { } named)
        {
            columns.places["path"] = columns.places[named];
        }

        if (columns.Has("path_a") && columns.Has("path_b") && !columns.Has("path"))
        {
            throw new InputException($"{path}: a table of pairs stands beside one of images. Give the images as the data, and this table by {Wording.Setting("pairs", path)}.");
        }

        columns.Need(["path", "label", .. labels.Except(["label"], StringComparer.OrdinalIgnoreCase)], $"{path}, line {header.Line}", header, problems);
        columns.AllOrNone(["x", "y", "w", "h"], $"{path}, line {header.Line}", problems);
        columns.AllOrNone(["x_1", "y_1", "x_2", "y_2"], $"{path}, line {header.Line}", problems);
        return columns;
    }

    internal bool Has(string name) => places.ContainsKey(name);

    internal string? Field(DelimitedRecord record, string name) => places.TryGetValue(name, out var at) ? record.Fields[at] : null;

    private void Need(string[] names, string where, DelimitedRecord header, ProblemList problems)
    {
        foreach (var name in names.Where(name => !Has(name)))
        {
            var remedy = name switch
            {
                "path" => ": name the column of the image files 'path' there",
                "label" => ": name the column of the classes 'label' there",
                _ => LabelPairs.Nearest(header.Fields, name),
            };
            problems.Add($"{where}: no column '{name}' among {string.Join(", ", header.Fields.Select(field => $"'{field}'"))}{remedy}");
        }
    }

    private void AllOrNone(string[] names, string where, ProblemList problems)
    {
        var missing = names.Where(name => !Has(name)).ToList();
        if (missing.Count > 0 && missing.Count < names.Length)
        {
            problems.Add($"{where}: a box needs the columns {string.Join(", ", names)}; missing: {string.Join(", ", missing)}");
        }
    }
}
