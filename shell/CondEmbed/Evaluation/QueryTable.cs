namespace CondEmbed.Evaluation;

/// <summary>The values of some measures for every query. Rows may be filled from several threads.</summary>
/// <param name="measures">The measures.</param>
/// <param name="labels">The label of each query.</param>
internal sealed class QueryTable(IReadOnlyList<QueryMeasure> measures, IReadOnlyList<long> labels)
{
    private readonly double[][] columns = [.. measures.Select(_ => new double[labels.Count])];

    internal IReadOnlyList<QueryMeasure> Measures => measures;

    internal IReadOnlyList<long> Labels => labels;

    internal QueryOutcome[] Outcomes { get; } = new QueryOutcome[labels.Count];

    /// <summary>The numbers of all queries.</summary>
    internal IReadOnlyList<int> All { get; } = [.. Enumerable.Range(0, labels.Count)];

    internal void Fill(int query, in QueryRanking ranking)
    {
        Outcomes[query] = QueryOutcome.Of(query, ranking);
        for (var i = 0; i < columns.Length; i++)
        {
            columns[i][query] = Measures[i].Value(ranking);
        }
    }

    /// <summary>Throws unless something was measured.</summary>
    /// <param name="wanted">What a query looks for.</param>
    /// <exception cref="InputException">No query has a possible match.</exception>
    internal void DemandMatch(string wanted = "another item with its label")
    {
        if (Array.TrueForAll(Outcomes, outcome => outcome.Matches == 0))
        {
            throw new InputException($"none of the {Outcomes.Length} queries has {wanted} to find, so nothing can be measured");
        }
    }

    /// <summary>Every query's value of one measure.</summary>
    /// <exception cref="KeyNotFoundException">There is no measure with this name.</exception>
    internal double[] Column(string name)
    {
        var at = Measures.Select(measure => measure.Name).ToList().IndexOf(name);
        return at >= 0 ? columns[at] : throw new KeyNotFoundException($"'{name}' is not one of the means over queries that were asked for");
    }

    /// <summary>The mean of a measure over some queries; NaN if it is over possible queries and there are none.</summary>
    internal double Mean(QueryMeasure measure, IReadOnlyList<int> queries)
    {
        var column = Column(measure.Name);
        var sum = 0d;
        var count = 0;
        foreach (var query in queries)
        {
            if (!measure.PossibleOnly || Outcomes[query].Matches > 0)
            {
                sum += column[query];
                count++;
            }
        }

        return sum / count;
    }
}
