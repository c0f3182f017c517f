namespace CondEmbed.Datasets;

/// <summary>Pairs by a rule over the labels that images have in some columns.</summary>
public sealed class LabelPairs : IImagePairs
{
    /// <summary>The column of the classes, which every data set has.</summary>
    internal const string Class = "label";

    /// <summary>No labels: only the pairs that a file lists count.</summary>
    internal const string None = "none";

    private const string Any = "any";
    private const string All = "all";
    private const string Jaccard = "jaccard";

    private readonly PairRule rule;
    private readonly string[][][] labels;
    private readonly long[] numbers;
    private readonly int places;

    private LabelPairs(LabelledItems items, PairRule rule, IReadOnlyList<string> columns, string words)
    {
        this.rule = rule;
        Rule = words + items.Fields;
        labels = [.. columns.Select(items.Column)];
        places = Math.Max(1, labels.SelectMany(column => column).Max(own => own.Length));
        numbers = new long[items.Count * Numbers];
        Array.Fill(numbers, -1);
        foreach (var (place, column) in labels.Index())
        {
            var index = new ClassIndex(column.SelectMany(own => own));
            for (var image = 0; image < column.Length; image++)
            {
                index.NumbersOf(column[image]).CopyTo(numbers, (image * Numbers) + (place * places));
            }
        }
    }

    /// <inheritdoc/>
    public string Rule { get; }

    /// <inheritdoc/>
    public bool HasWeights { get; private init; }

    private int Numbers => labels.Length * places;

    /// <inheritdoc/>
    public void Mark(int image, IReadOnlyList<int> others, Span<float> marks)
    {
        ArgumentNullException.ThrowIfNull(others);
        var theirs = new long[others.Count * Numbers];
        for (var at = 0; at < others.Count; at++)
        {
            Of(others[at]).CopyTo(theirs.AsSpan(at * Numbers));
        }

        rule.Marks(Of(image).ToArray(), theirs, labels.Length, places).CopyTo(marks);
    }

    /// <inheritdoc/>
    public bool IsInPairs(int image) => Of(image).ContainsAnyExcept(-1);

    /// <inheritdoc/>
    public string KeyOf(int image) => $"{Rule}\t{string.Join('\t', labels.Select(column => string.Join('\v', column[image])))}";

    /// <summary>Whether a rule, by its name, compares any number of columns.</summary>
    internal static bool ComparesSeveral(string match) => match is Any or All or Jaccard;

    /// <summary>The end of a message on a column that is not there: what may have been meant, a column or a rule. Nothing if none is near.</summary>
    internal static string Nearest(IEnumerable<string> columns, string name) => CoreSettings.Nearest([.. columns, Any, All, Jaccard, None], name);

    /// <summary>Pairs by what options say of labels; null for the classes, and for no labels at all.</summary>
    /// <exception cref="InputException">The images have no such labels.</exception>
    internal static LabelPairs? Of(LabelledItems items, DatasetOptions options)
    {
        var (match, columns, overlap) = (options.LabelMatch, options.LabelColumns, options.LabelOverlap);
        return match switch
        {
            Class or None => null,
            _ when ComparesSeveral(match) && columns.Count == 0 => throw new InputException($"'{match}' compares several columns of labels: name them ({Wording.Setting("label_columns", "colour,shape")})"),
            Any => new(items, PairRule.Any, columns, $"the same label in {string.Join(" or ", columns)}"),
            All => new(items, PairRule.Every, columns, $"the same label in {string.Join(" and ", columns)}, wherever both have one"),
            Jaccard when options.LabelWeights => new(items, PairRule.WeightedJaccard(overlap), columns, $"{Overlap(overlap, columns)}, by which they weigh") { HasWeights = true },
            Jaccard => new(items, PairRule.Jaccard(overlap), columns, Overlap(overlap, columns)),
            _ => OfColumn(items, match),
        };
    }

    /// <summary>The columns by each of which options ask to measure.</summary>
    /// <exception cref="InputException">The images have no such labels.</exception>
    internal static LabelColumn[] Columns(LabelledItems items, DatasetOptions options) => [.. options.LabelColumns.Select(column => new LabelColumn(column, OfColumn(items, column)))];

    /// <summary>Pairs by one column.</summary>
    /// <exception cref="InputException">The images have no such labels.</exception>
    internal static LabelPairs OfColumn(LabelledItems items, string column) => new(items, PairRule.Any, [column], $"the same {column}");

    private static string Overlap(double least, IReadOnlyList<string> columns) =>
        string.Create(CultureInfo.InvariantCulture, $"at least {least} of the labels of both in common, in {string.Join(", ", columns)}");

    private ReadOnlySpan<long> Of(int image) => numbers.AsSpan(image * Numbers, Numbers);
}
