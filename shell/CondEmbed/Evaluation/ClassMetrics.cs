namespace CondEmbed.Evaluation;

/// <summary>The results for the queries of one class.</summary>
/// <param name="Label">The number of the class.</param>
/// <param name="Queries">How many queries it has.</param>
/// <param name="QueriesWithoutMatch">How many of them no item could match.</param>
/// <param name="Values">
/// The means over its queries, under the names of <see cref="RetrievalMetrics.Values"/>; those over possible queries are missing if there are none.
/// </param>
public sealed record ClassMetrics(long Label, int Queries, int QueriesWithoutMatch, IReadOnlyDictionary<string, double> Values)
{
    /// <summary>Every class, lowest MAP@R first, ties by number; those without a possible query last.</summary>
    internal static IReadOnlyList<ClassMetrics> Of(QueryTable table) =>
    [
        .. table.All.GroupBy(query => table.Labels[query])
            .Select(group => Of(table, group.Key, [.. group]))
            .OrderBy(one => one.Values.GetValueOrDefault("map_at_r", double.PositiveInfinity))
            .ThenBy(one => one.Label),
    ];

    /// <summary>The results of some queries.</summary>
    internal static ClassMetrics Of(QueryTable table, long label, int[] queries)
    {
        var values = new OrderedDictionary<string, double>(StringComparer.Ordinal);
        foreach (var measure in table.Measures)
        {
            var mean = table.Mean(measure, queries);
            if (!double.IsNaN(mean))
            {
                values[measure.Name] = mean;
            }
        }

        return new ClassMetrics(label, queries.Length, queries.Count(query => table.Outcomes[query].Matches == 0), values);
    }
}
