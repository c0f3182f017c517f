using System.Text.RegularExpressions;

namespace CondEmbed.Evaluation;

/// <summary>The metrics that reports show: their keys in JSON, their order, and their display names.</summary>
public static partial class MetricNames
{
    private static readonly string[] Fixed = [.. QueryMeasure.Always.Select(measure => measure.Name)];

    private static readonly Dictionary<string, string> Known =
        QueryMeasure.Always.Select(measure => (measure.Name, measure.Display!)).Concat(ClusterAgreement.Metrics.Select(metric => (metric.Key, metric.Name))).ToDictionary();

    private static readonly (string Key, string Words)[] Starts =
    [
        ("recall@", "Recall@"),
        ("precision@", "Precision@"),
        ("map@", "MAP@"),
        ("fnmr@fmr=", "FNMR@FMR "),
        ("pcf@", "PCF@"),
    ];

    private static readonly (string Key, string Words)[] Endings =
    [
        ("_k_reciprocal", ", re-ranked by k-reciprocal neighbours"),
        ("_expanded", ", queries expanded"),
        ("_class_average", ", average of classes"),
        ("_possible_only", ", possible"),
        ("_threshold", ", threshold"),
        ("_counting_query", ", R counts the query"),
    ];

    /// <summary>The key of Recall@1, the main metric for comparing runs.</summary>
    public const string Recall1 = "recall@1";

    /// <summary>The key of MAP@R.</summary>
    public const string MapAtR = "map_at_r";

    /// <summary>The K of Recall@K that a run records if neither its settings nor its data name others.</summary>
    public static IReadOnlyList<int> RecallOfRuns { get; } = [1, 2, 4, 8];

    /// <summary>How metrics were measured, in words; every report says it.</summary>
    public static string Protocol(bool allAgainstAll) =>
        (allAgainstAll ? "all against all" : "queries against a gallery") + "; cosine similarity; ties by lower index; R without the query";

    /// <summary>The metrics that a run records, by their keys, in words.</summary>
    internal static string Recorded { get; } =
        $"There are recall@K (with the K of recall_at), {string.Join(", ", Fixed)}, with clustering {string.Join(", ", ClusterAgreement.Metrics.Select(metric => metric.Key))}, and with label_columns recall@K_by_COLUMN and map_at_r_by_COLUMN";

    private const string ByColumn = "_by_";

    /// <summary>Names that people know metrics by, without the signs between words, and the keys.</summary>
    private static readonly Dictionary<string, string> Usual = new(
        Known.SelectMany(metric => new[] { KeyValuePair.Create(Plain(metric.Key), metric.Key), KeyValuePair.Create(Plain(metric.Value), metric.Key) }).DistinctBy(pair => pair.Key))
    {
        ["p@1"] = "precision@1",
        ["precisionat1"] = "precision@1",
        ["rp"] = "r_precision",
        ["meanaverageprecisionatr"] = MapAtR,
    };

    /// <summary>The key of a metric by the labels of a column.</summary>
    internal static string By(string key, string column) => key + ByColumn + column;

    /// <summary>The key of a metric that runs record, from its key, its name on reports or another usual name, such as <c>MRR</c> or <c>R@1</c>; null for a word that is none.</summary>
    internal static string? KeyOf(string word)
    {
        if (word.IndexOf(ByColumn, StringComparison.Ordinal) is > 0 and var at)
        {
            return KeyOf(word[..at]) is { } key && (key == MapAtR || IsRecall(key)) && at + ByColumn.Length < word.Length ? key + word[at..] : null;
        }

        var plain = Plain(word);
        return Usual.TryGetValue(plain, out var known) ? known
            : RecallWord().Match(plain) is { Success: true } recall ? $"recall@{recall.Groups[1].Value}"
            : null;
    }

    /// <summary>Words to append to an error about a metric that is none: the nearest one, or nothing.</summary>
    internal static string Suggestion(string wrong) => Interop.CoreSettings.Nearest([.. Fixed, Recall1, .. Known.Keys], wrong);

    private static bool IsRecall(string key) => key.StartsWith("recall@", StringComparison.Ordinal);

    private static string Plain(string name) => string.Concat(name.ToLowerInvariant().Where(letter => letter is not ('_' or '-' or ' ')));

    [GeneratedRegex("^r(?:ecall)?@?(?:at)?([1-9][0-9]{0,8})$")]
    private static partial Regex RecallWord();

    /// <summary>The display name; an unknown key is its own name.</summary>
    public static string Display(string key)
    {
        if (key.IndexOf(ByColumn, StringComparison.Ordinal) is > 0 and var at)
        {
            return $"{Display(key[..at])}, alike by {key[(at + ByColumn.Length)..]}";
        }

        foreach (var (ending, words) in Endings)
        {
            if (key.EndsWith(ending, StringComparison.Ordinal))
            {
                return Display(key[..^ending.Length]) + words;
            }
        }

        return Known.TryGetValue(key, out var name)
            ? name
            : Starts.Aggregate(key, (text, start) => text.StartsWith(start.Key, StringComparison.Ordinal) ? start.Words + text[start.Key.Length..] : text);
    }

    /// <summary>The distinct keys of both sets: Recall@K by K, the other known ones in their fixed order, then the rest as they come.</summary>
    public static IReadOnlyList<string> Order(
        IReadOnlyDictionary<string, double> first, IReadOnlyDictionary<string, double> second)
    {
        return [.. first.Keys.Concat(second.Keys).Distinct(StringComparer.Ordinal).OrderBy(Place)];

        (int Kind, int Place) Place(string key) =>
            key.StartsWith("recall@", StringComparison.Ordinal) && int.TryParse(key.AsSpan("recall@".Length), CultureInfo.InvariantCulture, out var k) ? (0, k)
            : Array.IndexOf(Fixed, key) is >= 0 and var at ? (1, at)
            : (2, 0);
    }
}
