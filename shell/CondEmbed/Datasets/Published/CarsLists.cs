namespace CondEmbed.Datasets;

/// <summary>
/// CARS196 with its lists in MAT-files. One list: <c>cars_annos.mat</c> (struct <c>annotations</c> with <c>relative_im_path</c>, <c>class</c>, <c>bbox_x1</c> to
/// <c>bbox_y2</c>; cells <c>class_names</c>) and <c>car_ims/</c>. Devkit: <c>cars_train_annos.mat</c> and <c>cars_test_annos_withlabels.mat</c>, in
/// <c>devkit/</c> or beside it (the same struct with <c>fname</c>), <c>cars_meta.mat</c> with the names, <c>cars_train/</c> and <c>cars_test/</c>.
/// </summary>
internal static class CarsLists
{
    private const string OneList = "cars_annos.mat";
    private const string TrainList = "cars_train_annos.mat";
    private const string TestList = "cars_test_annos_withlabels.mat";
    private const string UnlabelledTestList = "cars_test_annos.mat";
    private const string NameList = "cars_meta.mat";

    internal static bool HoldsOneList(string folder) => File.Exists(Path.Combine(folder, OneList));

    internal static bool HoldsDevkit(string folder) =>
        Array.Exists([TrainList, TestList, UnlabelledTestList, NameList], list => Find(folder, list) is not null);

    internal static FileDataset OpenOneList(string root, DatasetOptions options)
    {
        var path = Path.Combine(root, OneList);
        var variables = MatFile.Read(path);
        var problems = new ProblemList();
        var numbers = new HashSet<int>();
        var items = Items(path, variables, "relative_im_path", "", Names(variables), options, numbers, problems);
        problems.ThrowIfAny();
        return CarsDataset.Published.Open(root, items, options, NumberedClasses.Missing(numbers, CarsDataset.Classes));
    }

    internal static FileDataset OpenDevkit(string root, DatasetOptions options)
    {
        var problems = new ProblemList();
        var numbers = new HashSet<int>();
        var items = new List<ImageItem>();
        var absent = new List<string>();
        var names = Find(root, NameList) is { } meta ? Names(MatFile.Read(meta)) : [];
        foreach (var (list, folder) in new[] { (TrainList, "cars_train"), (TestList, "cars_test") })
        {
            if (Find(root, list) is { } path)
            {
                // Some archives contain the folder inside a folder of the same name.
                var prefix = Directory.Exists(Path.Combine(root, folder, folder)) ? $"{folder}/{folder}/" : $"{folder}/";
                items.AddRange(Items(path, MatFile.Read(path), "fname", prefix, names, options, numbers, problems));
            }
            else
            {
                absent.Add($"the list {list} is missing" + (list == TestList ? $" ({UnlabelledTestList}, which names no classes, does not replace it)" : ""));
            }
        }

        problems.ThrowIfAny();
        return CarsDataset.Published.Open(root, items, options, [.. absent, .. NumberedClasses.Missing(numbers, CarsDataset.Classes)]);
    }

    private static List<ImageItem> Items(
        string path,
        IReadOnlyDictionary<string, MatArray> variables,
        string fileField,
        string prefix,
        IReadOnlyList<string> names,
        DatasetOptions options,
        HashSet<int> numbers,
        ProblemList problems)
    {
        if (!variables.TryGetValue("annotations", out var found) || found is not MatStructs annotations)
        {
            throw new InputException($"{path}: no struct 'annotations', only {string.Join(", ", variables.Keys.Order(StringComparer.Ordinal))}");
        }

        var items = new List<ImageItem>(annotations.Count);
        for (var at = 0; at < annotations.Count; at++)
        {
            double? Number(string field) => annotations.Field(at, field) is MatNumbers { Values: [var value] } ? value : null;

            if (annotations.Field(at, fileField) is not MatText { Text: { Length: > 0 } file } || Number("class") is not (>= 1 and <= CarsDataset.Classes and var label))
            {
                problems.Add($"{path}: annotation {at + 1} has no {fileField}, or its class is not from 1 to {CarsDataset.Classes}");
                continue;
            }

            ListedPath.Check(file, $"{path}: annotation {at + 1}", problems);
            var box = options.Boxes ? CarsBox.Of(Number("bbox_x1"), Number("bbox_y1"), Number("bbox_x2"), Number("bbox_y2")) : null;
            if (options.Boxes && box is null)
            {
                problems.Add($"{path}: annotation {at + 1} has no box");
            }

            numbers.Add((int)label);
            items.Add(new ImageItem(prefix + file, CarsDataset.NameOf((int)label, names), CarsDataset.RoleOf((int)label)) { Box = box });
        }

        return items;
    }

    private static List<string> Names(IReadOnlyDictionary<string, MatArray> variables) =>
        variables.TryGetValue("class_names", out var names) && names is MatCells cells
            ? [.. cells.Cells.Select(cell => cell is MatText text ? text.Text : "")]
            : [];

    private static string? Find(string folder, string name) =>
        new[] { Path.Combine(folder, "devkit", name), Path.Combine(folder, name) }.FirstOrDefault(File.Exists);
}

/// <summary>Boxes as CARS196 writes them.</summary>
internal static class CarsBox
{
    /// <summary>The box between left, top, right and bottom, which all belong to it, counted from 1; null if they do not form one.</summary>
    internal static PixelBox? Of(params IReadOnlyList<double?> sides) =>
        sides is [>= 1 and <= 1e6 and var left, >= 1 and <= 1e6 and var top, <= 1e6 and var right, <= 1e6 and var bottom] && right >= left && bottom >= top
            ? new PixelBox((int)left - 1, (int)top - 1, (int)right - (int)left + 1, (int)bottom - (int)top + 1)
            : null;
}
