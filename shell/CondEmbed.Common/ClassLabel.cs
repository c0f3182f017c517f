using System.Text.RegularExpressions;

namespace CondEmbed.Common;

/// <summary>The names of classes, in the form in which they are compared everywhere.</summary>
public static partial class ClassLabel
{
    private const int Shown = 5;

    /// <summary>
    /// The label in Unicode's normal form C. The same letters can be written composed (NFC) or as letter and accent (NFD, as file names on a Mac are); these are one class.
    /// </summary>
    /// <exception cref="InputException">It contains half a surrogate pair, which is not valid text.</exception>
    public static string Normal(string label)
    {
        ArgumentNullException.ThrowIfNull(label);
        try
        {
            return NormalForm.Composed(label);
        }
        catch (ArgumentException)
        {
            throw new InputException($"The label '{label}' is not valid Unicode text (half a surrogate pair). Correct it.");
        }
    }

    /// <summary>
    /// A line for each group of classes whose labels differ only in case, spaces or the way a number is written: they are separate classes, which
    /// may be a mistake.
    /// </summary>
    public static IReadOnlyList<string> Alike(IEnumerable<string> labels)
    {
        string[][] groups =
        [
            .. labels.Distinct(StringComparer.Ordinal)
                .GroupBy(Plain, StringComparer.Ordinal)
                .Select(group => group.Order(StringComparer.Ordinal).ToArray())
                .Where(group => group.Length > 1),
        ];
        var lines = groups.Take(Shown).Select(group =>
            $"The labels {string.Join(" and ", group.Select(label => $"'{label}'"))} look alike but are {group.Length} classes. Spell them the same if one class is meant.");
        return groups.Length > Shown ? [.. lines, $"... and {groups.Length - Shown} more groups of labels that look alike"] : [.. lines];
    }

    /// <summary>How many images of how many classes these are the labels of, as in "12 images of 4 classes"; those of images without a label are empty.</summary>
    internal static string Counted(IReadOnlyCollection<string> labels)
    {
        var classes = labels.Where(label => label.Length > 0).Distinct(StringComparer.Ordinal).Count();
        return $"{Readable.Count(labels.Count)} {(labels.Count == 1 ? "image" : "images")}"
            + (classes == 0 ? "" : $" of {Readable.Count(classes)} {(classes == 1 ? "class" : "classes")}");
    }

    private static string Plain(string label)
    {
        var text = Blanks().Replace(label, " ").Trim().ToUpperInvariant();
        return decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number.ToString("G29", CultureInfo.InvariantCulture) : text;
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
