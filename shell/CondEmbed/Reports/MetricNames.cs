namespace CondEmbed.Reports;

/// <summary>The metrics that reports show: their keys in JSON, their order, and their names for people.</summary>
public static class MetricNames
{
    private static readonly OrderedDictionary<string, string> Known = new()
    {
        ["recall@1"] = "Recall@1",
        ["recall@2"] = "Recall@2",
        ["recall@4"] = "Recall@4",
        ["recall@8"] = "Recall@8",
        ["precision@1"] = "Precision@1",
        ["r_precision"] = "R-precision",
        ["map_at_r"] = "MAP@R",
        ["mean_average_precision"] = "MAP",
        ["mean_reciprocal_rank"] = "MRR",
    };

    /// <summary>The key of Recall@1, the metric by which runs are compared first.</summary>
    public const string Recall1 = "recall@1";

    /// <summary>The key of MAP@R.</summary>
    public const string MapAtR = "map_at_r";

    /// <summary>The metrics that a run keeps, in their order.</summary>
    public static IReadOnlyCollection<string> OfRuns => Known.Keys;

    /// <summary>The name for people; a key that is not known names itself.</summary>
    public static string Display(string key) => Known.GetValueOrDefault(
        key, key.Replace("recall@", "Recall@", StringComparison.Ordinal).Replace("_possible_only", ", possible", StringComparison.Ordinal));

    /// <summary>All keys of both sets, each once: the known ones in their fixed order, then the others as they come.</summary>
    public static IReadOnlyList<string> Order(
        IReadOnlyDictionary<string, double> first, IReadOnlyDictionary<string, double> second)
    {
        var given = first.Keys.Concat(second.Keys).Distinct(StringComparer.Ordinal).ToList();
        return [.. Known.Keys.Where(given.Contains), .. given.Where(key => !Known.ContainsKey(key))];
    }
}
