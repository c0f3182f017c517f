namespace CondEmbed.Datasets;

/// <summary>The labels of some items by columns, of which a field may hold several.</summary>
/// <param name="Name">Whose they are, for messages.</param>
/// <param name="Items">The items.</param>
/// <param name="Separator">What stands between the labels in a field; empty where a field is one label.</param>
internal sealed record LabelledItems(string Name, IReadOnlyList<ImageItem> Items, string Separator)
{
    internal const string CategoryColumn = "category";

    internal int Count => Items.Count;

    /// <summary>What options say of pairs, by labels and by the file that lists them; null where the classes say it.</summary>
    /// <exception cref="InputException">The items have no such labels, or the file of pairs is not as it must be.</exception>
    internal IImagePairs? Pairs(DatasetOptions options)
    {
        var labels = LabelPairs.Of(this, options);
        return options.Pairs.Length == 0 ? labels
            : ListedPairs.Read(options.Pairs, this, options.LabelMatch == LabelPairs.Class ? LabelPairs.OfColumn(this with { Separator = "" }, LabelPairs.Class) : labels);
    }

    /// <summary>How fields are read, in words; nothing where a field is one label.</summary>
    internal string Fields => Separator.Length == 0 ? "" : $" (labels of a field separated by '{Separator}')";

    /// <summary>The labels of every item in a column, each once; none for an item without.</summary>
    /// <exception cref="InputException">No item has any.</exception>
    internal string[][] Column(string column)
    {
        string[][] found = [.. Items.Select(item => Split(LabelOf(item, column)))];
        if (Array.TrueForAll(found, labels => labels.Length == 0))
        {
            string[] known = [LabelPairs.Class, .. Items.Any(item => item.Category is not null) ? [CategoryColumn] : Array.Empty<string>(), .. ClassOrder.Sorted(Items.SelectMany(item => item.Labels.Keys))];
            throw new InputException(
                $"{Name}: no image has a label in a column '{column}'; there are labels in {string.Join(", ", known.Distinct(StringComparer.Ordinal))}{LabelPairs.Nearest(known, column)}");
        }

        return found;
    }

    private string[] Split(string? field) =>
        field is null ? []
        : Separator.Length == 0 ? [field]
        : [.. field.Split(Separator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Distinct(StringComparer.Ordinal)];

    private static string? LabelOf(ImageItem item, string column) =>
        item.Labels.TryGetValue(column, out var label) ? label
        : column == LabelPairs.Class && item.Label.Length > 0 ? item.Label
        : column == CategoryColumn ? item.Category
        : null;
}
