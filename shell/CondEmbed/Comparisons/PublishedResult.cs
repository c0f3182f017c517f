namespace CondEmbed.Comparisons;

/// <summary>What others published of a method, with a ResNet-50 that was trained on ImageNet first: Recall@1 on benchmark sets with the split of their authors. None of it was measured here.</summary>
/// <param name="Method">The method.</param>
/// <param name="Recall">Recall@1 in per cent, with the digits of the source, by the names of the sets.</param>
/// <param name="Source">The name of the source.</param>
/// <param name="Address">Where the source is.</param>
/// <param name="Place">Where in the source, and what it says besides.</param>
public sealed record PublishedResult(string Method, IReadOnlyDictionary<string, decimal> Recall, string Source, string Address, string Place)
{
    private const string Resource = "CondEmbed.Comparisons.published.json";

    private static readonly Lazy<IReadOnlyList<PublishedResult>> Read = new(() =>
    {
        using var stream = typeof(PublishedResult).Assembly.GetManifestResourceStream(Resource)!;
        return JsonSerializer.Deserialize<PublishedResult[]>(stream, JsonStyle.Line)!;
    });

    /// <summary>Features of an embedding; null where the source does not say.</summary>
    public int? Features { get; init; }

    /// <summary>All that were read, in the order in which to show them.</summary>
    public static IReadOnlyList<PublishedResult> All => Read.Value;

    /// <summary>The results on a set, by the name that its data has here, such as CUB-200-2011; none for any other.</summary>
    public static IReadOnlyList<PublishedResult> On(string dataset) => [.. All.Where(result => result.Recall.ContainsKey(dataset))];
}
