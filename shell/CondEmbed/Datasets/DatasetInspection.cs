namespace CondEmbed.Datasets;

/// <summary>The findings about a data set.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">The kind of data set that it was recognised as.</param>
/// <param name="Subset">What is present of an incomplete published set; null for other data.</param>
/// <param name="Images">Number of images.</param>
/// <param name="Classes">Number of classes.</param>
/// <param name="Categories">Number of categories; 0 if the data names none.</param>
/// <param name="ImagesPerClass">How many images the classes have.</param>
/// <param name="Split">How the classes are divided, or why they cannot be.</param>
/// <param name="Parts">The parts of the split; empty if there is no split.</param>
/// <param name="Width">Widths of the usable images, or of their boxes if they have some. Null if no image is usable.</param>
/// <param name="Height">Heights of the same.</param>
/// <param name="Bytes">Bytes of all files.</param>
/// <param name="Formats">Number of files of each format, by their content.</param>
/// <param name="Bad">Images that cannot be used.</param>
/// <param name="Duplicates">Images whose files are equal byte for byte.</param>
/// <param name="Notices">Notices from opening it, such as files that were ignored.</param>
public sealed record DatasetInspection(
    string Name,
    string Kind,
    string? Subset,
    int Images,
    int Classes,
    int Categories,
    Spread ImagesPerClass,
    string Split,
    IReadOnlyList<InspectedPart> Parts,
    Spread? Width,
    Spread? Height,
    long Bytes,
    IReadOnlyDictionary<string, int> Formats,
    IReadOnlyList<BadImage> Bad,
    Duplicates Duplicates,
    IReadOnlyList<string> Notices);

/// <summary>The minimum, median and maximum of some numbers.</summary>
public sealed record Spread(int Min, double Median, int Max)
{
    /// <summary>Computes them for numbers in any order; null if there are none.</summary>
    public static Spread? Of(IEnumerable<int> numbers)
    {
        int[] sorted = [.. numbers.Order()];
        return sorted.Length == 0
            ? null
            : new Spread(sorted[0], (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2.0, sorted[^1]);
    }
}

/// <summary>A part of the split.</summary>
public sealed record InspectedPart(string Name, int Classes, int Images);

/// <summary>
/// Images whose files have the same SHA-256 (and the same box): equal byte for byte. The same image saved twice in different sizes or
/// formats is not found.
/// </summary>
/// <param name="Groups">Number of groups of equal images.</param>
/// <param name="Copies">Images that equal an earlier one.</param>
/// <param name="TrainAndTest">Groups with images on both sides of the split: the network is tested on what it was trained on.</param>
/// <param name="WithinTrain">Groups with two images or more for training or validation.</param>
/// <param name="WithinTest">Groups with two images or more for test: queries that find their own copy.</param>
/// <param name="AcrossClasses">Groups with images of several classes: at least one label is wrong.</param>
/// <param name="Examples">Paths of the images of some groups; those that cross the split, and those with several classes, first.</param>
public sealed record Duplicates(
    int Groups, int Copies, int TrainAndTest, int WithinTrain, int WithinTest, int AcrossClasses, IReadOnlyList<IReadOnlyList<string>> Examples)
{
    private const int Shown = 20;

    /// <summary>Groups of equal images.</summary>
    /// <param name="items">The images.</param>
    /// <param name="hashes">The hash of each one's file; null where it could not be read.</param>
    /// <param name="split">Which images are for training and which for test, or null.</param>
    internal static Duplicates Of(IReadOnlyList<ImageItem> items, IReadOnlyList<string?> hashes, ClassSplit? split)
    {
        HashSet<int> train = split is null ? [] : [.. split.Train, .. split.Validation];
        HashSet<int> test = split is null ? [] : [.. split.Test];
        int[][] groups =
        [
            .. Enumerable.Range(0, items.Count).Where(image => hashes[image] is not null)
                .GroupBy(image => (hashes[image], items[image].Box))
                .Select(group => group.ToArray())
                .Where(group => group.Length > 1)
                .OrderByDescending(IsAcross)
                .ThenByDescending(HasSeveralClasses),
        ];
        return new Duplicates(
            groups.Length,
            groups.Sum(group => group.Length - 1),
            groups.Count(IsAcross),
            groups.Count(group => group.Count(train.Contains) > 1),
            groups.Count(group => group.Count(test.Contains) > 1),
            groups.Count(HasSeveralClasses),
            [.. groups.Take(Shown).Select(group => group.Select(image => items[image].Path).ToArray())]);

        bool IsAcross(int[] group) => group.Any(train.Contains) && group.Any(test.Contains);

        bool HasSeveralClasses(int[] group) => group.Any(image => items[image].Label != items[group[0]].Label);
    }
}
