namespace CondEmbed.Datasets;

/// <summary>Pairs that a file lists one by one, such as what users said of them; all others are as labels say, or do not count.</summary>
internal sealed class ListedPairs : IImagePairs
{
    private readonly IImagePairs? others;
    private readonly SortedDictionary<int, SortedDictionary<int, float>> listed;
    private readonly IReadOnlyList<ImageItem> items;

    private ListedPairs(IReadOnlyList<ImageItem> items, string name, IImagePairs? others, SortedDictionary<int, SortedDictionary<int, float>> listed)
    {
        (this.items, this.others, this.listed) = (items, others, listed);
        HasWeights = others?.HasWeights == true || listed.Values.Any(own => own.Values.Any(mark => Math.Abs(mark) != 1));
        Rule = others is null ? $"the pairs in {name}" : $"{others.Rule}, where {name} says nothing of a pair";
    }

    public string Rule { get; }

    public bool HasWeights { get; }

    public IEnumerable<ImagePair> Alike =>
        from image in listed
        from other in image.Value
        where image.Key < other.Key && other.Value > 0
        select new ImagePair(image.Key, other.Key);

    public void Mark(int image, IReadOnlyList<int> others, Span<float> marks)
    {
        if (this.others is null)
        {
            marks[..others.Count].Clear();
        }
        else
        {
            this.others.Mark(image, others, marks);
        }

        if (listed.TryGetValue(image, out var own))
        {
            for (var at = 0; at < others.Count; at++)
            {
                marks[at] = own.GetValueOrDefault(others[at], marks[at]);
            }
        }
    }

    public bool IsInPairs(int image) => listed.ContainsKey(image) || others?.IsInPairs(image) == true;

    public string KeyOf(int image) =>
        $"{others?.KeyOf(image)}\t{string.Join('\t', listed.TryGetValue(image, out var own) ? own.Select(pair => FormattableString.Invariant($"{items[pair.Key].Path} {pair.Value}")) : [])}";

    /// <summary>Reads <c>path_a,path_b,similar</c>: two images by their paths, as the data names them, and whether they are alike (1, true or yes) or not (0, -1, false or no); a number between weighs the pair.</summary>
    /// <param name="path">The file.</param>
    /// <param name="items">The images.</param>
    /// <param name="others">What the pairs are that it does not list; null if they do not count.</param>
    /// <exception cref="InputException">The file cannot be read or contains errors: all of them are named, with their lines.</exception>
    internal static ListedPairs Read(string path, LabelledItems items, IImagePairs? others)
    {
        FileProblem.DemandFile(path);

        var records = DelimitedText.Read(path, "path_a");
        int[] columns = records.Count == 0 ? [-1] : [.. Wanted.Select(name => Array.FindIndex(records[0].Fields, field => field.Equals(name, StringComparison.OrdinalIgnoreCase)))];
        if (columns.Contains(-1))
        {
            throw new InputException($"{path}: needs the columns {string.Join(',', Wanted)} in its first line, and a line for each pair, such as 'a/1.jpg,b/2.jpg,1'");
        }

        if (records.Count == 1)
        {
            throw new InputException($"{path}: lists no pairs; write a line for each below the first, such as 'a/1.jpg,b/2.jpg,1'");
        }

        var problems = new ProblemList();
        var images = items.Items.Index().ToLookup(item => Normal(item.Item.Path), item => item.Index, StringComparer.Ordinal);
        var listed = new SortedDictionary<int, SortedDictionary<int, float>>();
        foreach (var record in records.Skip(1))
        {
            var where = $"{path}, line {record.Line}";
            if (record.Fields.Length != records[0].Fields.Length)
            {
                problems.Add($"{where}: {record.Fields.Length} fields, but the header has {records[0].Fields.Length}");
                continue;
            }

            var (first, second, similar) = (record.Fields[columns[0]], record.Fields[columns[1]], MarkOf(record.Fields[columns[2]]));
            if (similar == 0)
            {
                problems.Add($"{where}: similar '{record.Fields[columns[2]]}' is neither 1 (alike) nor 0 (unlike), nor a number from -1 to 1");
            }

            if (Normal(first) == Normal(second))
            {
                problems.Add($"{where}: '{first}' is paired with itself");
            }

            foreach (var missing in new[] { first, second }.Where(one => !images.Contains(Normal(one))))
            {
                problems.Add($"{where}: '{missing}' is no image of {items.Name}; write the paths as the data does, such as '{items.Items[0].Path}'");
            }

            foreach (var (one, other) in from one in images[Normal(first)] from other in images[Normal(second)] where one != other select (one, other))
            {
                if (!Put(one, other, similar) || !Put(other, one, similar))
                {
                    problems.Add($"{where}: '{first}' and '{second}' are {(similar * listed[one][other] < 0 ? "alike in one line and unlike in another" : "of another number in an earlier line")}");
                }
            }
        }

        problems.ThrowIfAny();
        return new ListedPairs(items.Items, Path.GetFileName(path), others, listed);

        bool Put(int image, int other, float mark)
        {
            if (!listed.TryGetValue(image, out var own))
            {
                listed[image] = own = [];
            }

            return own.TryAdd(other, mark) || own[other] == mark;
        }
    }

    private static readonly string[] Wanted = ["path_a", "path_b", "similar"];

    private static string Normal(string path) => ClassLabel.Normal(path).Replace('\\', '/');

    /// <summary>The mark of a field; 0 for a field that says nothing.</summary>
    private static float MarkOf(string similar) => similar.ToLowerInvariant() switch
    {
        "true" or "yes" => 1,
        "false" or "no" => -1,
        _ when float.TryParse(similar, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number is >= -1 and <= 1 => number == 0 ? -1 : number,
        _ => 0,
    };
}
