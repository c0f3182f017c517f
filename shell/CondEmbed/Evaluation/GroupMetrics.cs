namespace CondEmbed.Evaluation;

/// <summary>The results for some of the queries, such as those of one category.</summary>
/// <param name="Name">What they have in common.</param>
/// <param name="Queries">How many queries there are.</param>
/// <param name="QueriesWithoutMatch">How many of them no item could match.</param>
/// <param name="Values">The means over them, under the names of <see cref="RetrievalMetrics.Values"/>; those over possible queries are missing if there are none.</param>
public sealed record GroupMetrics(string Name, int Queries, int QueriesWithoutMatch, IReadOnlyDictionary<string, double> Values)
{
    /// <summary>Every group in the order of the names; a query may be in several, or in none.</summary>
    internal static IReadOnlyList<GroupMetrics> Of(QueryTable table, IReadOnlyList<IReadOnlyList<string>> names) =>
    [
        .. table.All.SelectMany(query => names[query].Select(name => (Name: name, Query: query)))
            .GroupBy(one => one.Name, one => one.Query, StringComparer.Ordinal)
            .OrderBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => Of(group.Key, ClassMetrics.Of(table, 0, [.. group]))),
    ];

    private static GroupMetrics Of(string name, ClassMetrics found) => new(name, found.Queries, found.QueriesWithoutMatch, found.Values);
}
