namespace CondEmbed.Datasets;

/// <summary>
/// Stanford Online Products (Song et al., "Deep Metric Learning via Lifted Structured Feature Embedding", CVPR 2016):
/// <c>Ebay_train.txt</c> and <c>Ebay_test.txt</c> with the header <c>image_id class_id super_class_id path</c>. The split is that of the files.
/// An image's category is its super-class, by the name of its folder (<c>bicycle_final</c> is bicycle).
/// </summary>
internal static class StanfordProductsDataset
{
    private const string TrainList = "Ebay_train.txt";
    private const string TestList = "Ebay_test.txt";
    private const string FolderEnding = "_final";

    /// <summary>The set as published.</summary>
    internal static PublishedSet Published { get; } = new(
        "Stanford Online Products",
        $"the lists {TrainList} and {TestList}",
        new PublishedPart("train", Role.Train, 59551, 11318),
        new PublishedPart("test", Role.Test, 60502, 11316))
    {
        RecallAt = [1, 10, 100, 1000],
    };

    /// <summary>Recognised by either list, so that a missing one can be reported.</summary>
    internal static bool Recognises(string folder) =>
        File.Exists(Path.Combine(folder, TrainList)) || File.Exists(Path.Combine(folder, TestList));

    internal static FileDataset Open(string root, DatasetOptions options)
    {
        var problems = new ProblemList();
        var items = new List<ImageItem>();
        var absent = new List<string>();
        foreach (var (name, role) in new[] { (TrainList, Role.Train), (TestList, Role.Test) })
        {
            var list = Path.Combine(root, name);
            if (File.Exists(list))
            {
                items.AddRange(Items(list, role, problems));
            }
            else
            {
                absent.Add($"the list {name} is missing");
            }
        }

        problems.ThrowIfAny();
        return Published.Open(root, items, options, absent);
    }

    private static IEnumerable<ImageItem> Items(string list, Role role, ProblemList problems)
    {
        foreach (var row in ListFile.Read(list, fields: 4, header: 1, problems))
        {
            var (label, kind, path) = (row.Fields[1], row.Fields[2], row.Fields[3]);
            ListedPath.Check(path, $"{list}, line {row.Line}", problems);
            yield return new ImageItem(path, label, role) { Category = Category(path) ?? kind };
        }
    }

    private static string? Category(string path)
    {
        var folder = path.IndexOf('/', StringComparison.Ordinal) is > 0 and var end ? path[..end] : null;
        return folder is not null && folder.EndsWith(FolderEnding, StringComparison.Ordinal) ? folder[..^FolderEnding.Length] : folder;
    }
}
