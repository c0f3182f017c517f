namespace CondEmbed.Datasets;

/// <summary>
/// CUB-200-2011 (Wah et al., "The Caltech-UCSD Birds-200-2011 Dataset", 2011) as it is published: <c>images.txt</c> (id, path),
/// <c>image_class_labels.txt</c> (id, class), <c>classes.txt</c> (class, name), <c>bounding_boxes.txt</c> and <c>images/</c>. Metric learning trains
/// on the classes 1-100 and tests on 101-200; <c>train_test_split.txt</c> is for classification and is not used.
/// </summary>
internal static class CubDataset
{
    private const int Classes = 200;
    private const int LastTrained = 100;
    private const string ImageList = "images.txt";
    private const string LabelList = "image_class_labels.txt";

    /// <summary>The set as published.</summary>
    internal static PublishedSet Published { get; } = new(
        "CUB-200-2011",
        "as usual for CUB-200-2011: classes 1-100 train, 101-200 test",
        new PublishedPart("train", Role.Train, 5864, 100),
        new PublishedPart("test", Role.Test, 5924, 100));

    /// <summary>Recognised by either list; a name as common as images.txt counts only next to the folder of images.</summary>
    internal static bool Recognises(string folder) =>
        File.Exists(Path.Combine(folder, LabelList)) || (File.Exists(Path.Combine(folder, ImageList)) && Directory.Exists(Path.Combine(folder, "images")));

    internal static FileDataset Open(string root, DatasetOptions options)
    {
        if (new[] { ImageList, LabelList }.FirstOrDefault(list => !File.Exists(Path.Combine(root, list))) is { } absent)
        {
            throw Published.Without(root, absent);
        }

        var problems = new ProblemList();
        var paths = ById(Path.Combine(root, ImageList), problems);
        var labels = ById(Path.Combine(root, LabelList), problems);
        var names = File.Exists(Path.Combine(root, "classes.txt")) ? ById(Path.Combine(root, "classes.txt"), problems) : [];
        var boxes = options.Boxes ? ById(Path.Combine(root, "bounding_boxes.txt"), problems) : [];
        var items = new List<ImageItem>(paths.Count);
        var numbers = new HashSet<int>();
        foreach (var (id, row) in paths)
        {
            if (!labels.TryGetValue(id, out var label))
            {
                problems.Add($"{root}: {LabelList} has no class for image {id} of {ImageList} (line {row.Line})");
                continue;
            }

            ListedPath.Check(row.Fields[1], $"{Path.Combine(root, ImageList)}, line {row.Line}", problems);
            var number = ListFile.Number(Path.Combine(root, LabelList), label, 1, problems);
            numbers.Add(number);
            var name = names.TryGetValue(label.Fields[1], out var named) ? named.Fields[1] : number.ToString("000", CultureInfo.InvariantCulture);
            items.Add(new ImageItem("images/" + row.Fields[1], name, number <= LastTrained ? Role.Train : Role.Test)
            {
                Box = options.Boxes ? BoxOf(root, id, boxes, problems) : null,
            });
        }

        problems.ThrowIfAny();
        return Published.Open(root, items, options, NumberedClasses.Missing(numbers, Classes));
    }

    private static Dictionary<string, ListRow> ById(string path, ProblemList problems)
    {
        var rows = new Dictionary<string, ListRow>(StringComparer.Ordinal);
        foreach (var row in ListFile.Read(path, fields: 2, header: 0, problems))
        {
            if (!rows.TryAdd(row.Fields[0], row))
            {
                problems.Add($"{path}, line {row.Line}: the number {row.Fields[0]} appears twice");
            }
        }

        return rows;
    }

    // Left, top, width, height as decimal numbers.
    private static PixelBox? BoxOf(string root, string id, Dictionary<string, ListRow> boxes, ProblemList problems)
    {
        var texts = boxes.TryGetValue(id, out var row) ? row.Fields[1].Split(' ', StringSplitOptions.RemoveEmptyEntries) : [];
        double[] sides = [.. texts.Select(text => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var side) ? side : -1)];
        if (sides is [>= 0 and <= 1e6, >= 0 and <= 1e6, > 0 and <= 1e6, > 0 and <= 1e6])
        {
            return new PixelBox((int)Math.Round(sides[0]), (int)Math.Round(sides[1]), Math.Max(1, (int)Math.Round(sides[2])), Math.Max(1, (int)Math.Round(sides[3])));
        }

        problems.Add($"{root}: bounding_boxes.txt has no box of four numbers for image {id}");
        return null;
    }
}
