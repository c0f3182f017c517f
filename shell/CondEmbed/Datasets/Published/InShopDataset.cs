namespace CondEmbed.Datasets;

/// <summary>
/// In-Shop Clothes Retrieval (Liu et al., "DeepFashion", CVPR 2016): <c>list_eval_partition.txt</c>, in <c>Eval/</c> or beside it, names for each
/// image its item and whether it is for training, a query or in the gallery; images are below <c>Img/</c>, boxes in
/// <c>Anno/list_bbox_inshop.txt</c>. An image's category is in its path: <c>img/WOMEN/Dresses/id_00000002/...</c> is WOMEN/Dresses.
/// </summary>
internal static class InShopDataset
{
    private const string List = "list_eval_partition.txt";
    private const string BoxList = "list_bbox_inshop.txt";

    private static readonly string[] OtherLists = [BoxList, "list_landmarks_inshop.txt", "list_item_inshop.txt"];

    /// <summary>The set as published.</summary>
    internal static PublishedSet Published { get; } = new(
        "In-Shop Clothes Retrieval",
        $"the list {List}",
        new PublishedPart("train", Role.Train, 25882, 3997),
        new PublishedPart("query", Role.Query, 14218, 3985),
        new PublishedPart("gallery", Role.Gallery, 12612, 3985))
    {
        RecallAt = [1, 10, 20, 30, 40, 50],
    };

    /// <summary>Recognised by the list, or by another one with the set's name, so that a missing list can be reported.</summary>
    internal static bool Recognises(string folder) =>
        Find(folder, List, "Eval") is not null || Array.Exists(OtherLists, list => Find(folder, list, "Anno") is not null);

    internal static FileDataset Open(string root, DatasetOptions options)
    {
        var problems = new ProblemList();
        var list = Find(root, List, "Eval") ?? throw Published.Without(root, "Eval/" + List);
        var boxes = options.Boxes ? Boxes(root, problems) : [];
        var unpackedBeside = Directory.Exists(Path.Combine(root, "img")) && !Directory.Exists(Path.Combine(root, "Img", "img"));
        var prefix = unpackedBeside ? "" : "Img/";
        var items = new List<ImageItem>();
        foreach (var row in ListFile.Read(list, fields: 3, header: 2, problems))
        {
            var (image, label, status) = (row.Fields[0], row.Fields[1], row.Fields[2]);
            ListedPath.Check(image, $"{list}, line {row.Line}", problems);
            Role? role = status switch { "train" => Role.Train, "query" => Role.Query, "gallery" => Role.Gallery, _ => null };
            if (role is null)
            {
                problems.Add($"{list}, line {row.Line}: '{status}' is not one of train, query, gallery");
            }

            items.Add(new ImageItem(prefix + image, label, role ?? Role.Unassigned)
            {
                Category = Category(image),
                Box = options.Boxes ? BoxOf(image, boxes, problems) : null,
            });
        }

        problems.ThrowIfAny();
        return Published.Open(root, items, options);
    }

    // img / sex / kind / item / image
    private static string? Category(string image) =>
        image.Split('/') is [_, var sex, var kind, _, ..] ? $"{sex}/{kind}" : null;

    private static Dictionary<string, PixelBox> Boxes(string root, ProblemList problems)
    {
        var path = Find(root, BoxList, "Anno") ?? throw new InputException($"{root}: boxes were asked for, but there is no Anno/{BoxList}");
        var boxes = new Dictionary<string, PixelBox>(StringComparer.Ordinal);
        foreach (var row in ListFile.Read(path, fields: 7, header: 2, problems))
        {
            int Side(int field) => ListFile.Number(path, row, field, problems);
            boxes[row.Fields[0]] = new PixelBox(Side(3), Side(4), Side(5) - Side(3), Side(6) - Side(4));
        }

        return boxes;
    }

    private static PixelBox? BoxOf(string image, Dictionary<string, PixelBox> boxes, ProblemList problems)
    {
        if (boxes.TryGetValue(image, out var box) && box is { Width: > 0, Height: > 0 })
        {
            return box;
        }

        problems.Add($"{BoxList}: no box for {image}");
        return null;
    }

    private static string? Find(string folder, string name, string inner) =>
        new[] { Path.Combine(folder, inner, name), Path.Combine(folder, name) }.FirstOrDefault(File.Exists);
}
