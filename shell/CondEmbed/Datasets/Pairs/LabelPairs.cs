using System.Globalization;
using CondEmbed.Common;
using CondEmbed.Interop;

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

    private const string CategoryColumn = "category";

    private readonly PairRule rule;
    private readonly string?[][] labels;
    private readonly long[] numbers;

    private LabelPairs(IImageDataset dataset, PairRule rule, IReadOnlyList<string> columns, string words)
    {
        this.rule = rule;
        Rule = words;
        labels = [.. columns.Select(column => Column(dataset, column))];
        numbers = new long[dataset.Count * labels.Length];
        foreach (var (place, column) in labels.Index())
        {
            var index = new ClassIndex(column.OfType<string>());
            for (var image = 0; image < column.Length; image++)
            {
                numbers[(image * labels.Length) + place] = column[image] is { } label ? index.NumberOf(label) : -1;
            }
        }
    }

    /// <inheritdoc/>
    public string Rule { get; }

    /// <inheritdoc/>
    public void Mark(int image, IReadOnlyList<int> others, Span<sbyte> marks)
    {
        ArgumentNullException.ThrowIfNull(others);
        var theirs = new long[others.Count * labels.Length];
        for (var at = 0; at < others.Count; at++)
        {
            Of(others[at]).CopyTo(theirs.AsSpan(at * labels.Length));
        }

        rule.Marks(Of(image).ToArray(), theirs, labels.Length).CopyTo(marks);
    }

    /// <inheritdoc/>
    public bool IsInPairs(int image) => Of(image).ContainsAnyExcept(-1);

    /// <inheritdoc/>
    public string KeyOf(int image) => $"{Rule}\t{string.Join('\t', labels.Select(column => column[image]))}";

    /// <summary>Whether a rule, by its name, compares any number of columns.</summary>
    internal static bool ComparesSeveral(string match) => match is Any or All or Jaccard;

    /// <summary>Pairs by a rule's name over some columns; null for the classes, and for no labels at all.</summary>
    /// <param name="dataset">The images.</param>
    /// <param name="match"><c>any</c>, <c>all</c>, <c>jaccard</c>, or the name of one column.</param>
    /// <param name="columns">The columns that are compared.</param>
    /// <param name="overlap">Of <c>jaccard</c>: the least share of labels in common.</param>
    /// <exception cref="InputException">The images have no such labels.</exception>
    internal static LabelPairs? Of(IImageDataset dataset, string match, IReadOnlyList<string> columns, double overlap) => match switch
    {
        Class or None => null,
        _ when ComparesSeveral(match) && columns.Count == 0 => throw new InputException($"'{match}' compares several columns of labels: name them ({Wording.Setting("label_columns", "colour,shape")})"),
        Any => new(dataset, PairRule.Any, columns, $"the same label in {string.Join(" or ", columns)}"),
        All => new(dataset, PairRule.Every, columns, $"the same label in {string.Join(" and ", columns)}, wherever both have one"),
        Jaccard => new(dataset, PairRule.Jaccard(overlap), columns, string.Create(CultureInfo.InvariantCulture, $"at least {overlap} of the labels of both in common, in {string.Join(", ", columns)}")),
        _ => OfColumn(dataset, match),
    };

    /// <summary>Pairs by one column.</summary>
    /// <exception cref="InputException">The images have no such labels.</exception>
    internal static LabelPairs OfColumn(IImageDataset dataset, string column) => new(dataset, PairRule.Any, [column], $"the same {column}");

    private ReadOnlySpan<long> Of(int image) => numbers.AsSpan(image * labels.Length, labels.Length);

    private static string?[] Column(IImageDataset dataset, string column)
    {
        string?[] found = [.. dataset.Items.Select(item => LabelOf(item, column))];
        if (Array.TrueForAll(found, label => label is null))
        {
            string[] known = [Class, .. dataset.Items.Any(item => item.Category is not null) ? [CategoryColumn] : Array.Empty<string>(), .. ClassOrder.Sorted(dataset.Items.SelectMany(item => item.Labels.Keys))];
            throw new InputException(
                $"{dataset.Name}: no image has a label in a column '{column}'; there are labels in {string.Join(", ", known.Distinct(StringComparer.Ordinal))}{CoreSettings.Nearest(known, column)}");
        }

        return found;
    }

    private static string? LabelOf(ImageItem item, string column) =>
        item.Labels.TryGetValue(column, out var label) ? label
        : column == Class && item.Label.Length > 0 ? item.Label
        : column == CategoryColumn ? item.Category
        : null;
}
