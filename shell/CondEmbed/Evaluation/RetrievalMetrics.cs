using Microsoft.FSharp.Core;

namespace CondEmbed.Evaluation;

/// <summary>The result of one query.</summary>
/// <param name="Query">The number of the query.</param>
/// <param name="Matches">R: how many other items have its label. If 0, everything else is 0 too.</param>
/// <param name="FirstHit">The rank, from 1, of the first of them.</param>
/// <param name="RPrecision">See <see cref="RankMetrics.RPrecision"/>.</param>
/// <param name="MapAtR">See <see cref="RankMetrics.AveragePrecisionAtR"/>.</param>
/// <param name="AveragePrecision">See <see cref="RankMetrics.AveragePrecision"/>.</param>
public readonly record struct QueryOutcome(
    int Query,
    int Matches,
    int FirstHit,
    double RPrecision,
    double MapAtR,
    double AveragePrecision)
{
    internal static QueryOutcome Of(int query, in QueryRanking ranking) =>
        new(
            query,
            ranking.Matches,
            ranking.Ranks.Length == 0 ? 0 : ranking.Ranks[0],
            RankMetrics.RPrecision(ranking.Ranks, ranking.Matches),
            RankMetrics.AveragePrecisionAtR(ranking.Ranks, ranking.Matches),
            RankMetrics.AveragePrecision(ranking.Ranks, ranking.Matches));
}

/// <summary>
/// Retrieval metrics over many queries. Recall@K counts a query without any possible match as a miss, and so does its threshold variant; all
/// others, and <c>recall@K_possible_only</c>, are means over the queries with a possible match.
/// </summary>
[StructuredFormatDisplay("{Shown}")]
public sealed class RetrievalMetrics
{
    private readonly QueryTable table;
    private readonly OrderedDictionary<string, double> values = new(StringComparer.Ordinal);

    internal RetrievalMetrics(QueryTable table, EvaluationOptions options)
    {
        this.table = table;
        QueriesWithoutMatch = table.Outcomes.Count(outcome => outcome.Matches == 0);
        foreach (var measure in table.Measures)
        {
            values[measure.Name] = table.Mean(measure, table.All);
        }

        Classes = ClassMetrics.Of(table);
        if (options.ClassAverages)
        {
            AddClassAverages();
        }
    }

    /// <summary>What is suspicious about the embeddings, one per line: some of length zero, or all equal. The metrics then say nothing about the network.</summary>
    public IReadOnlyList<string> Notices { get; internal init; } = [];

    /// <summary>The K of Recall@K unless others are asked for.</summary>
    public static IReadOnlyList<int> DefaultRecallAt { get; } = [1, 2, 4, 8, 10, 16, 32];

    /// <summary>
    /// Name to value, in the order to show them; they are also found under their names in another case and those that tables show (<see cref="MetricNames.Display"/>): <c>recall@K</c> and <c>recall@K_possible_only</c> for each K, <c>precision@1</c>,
    /// <c>r_precision</c>, <c>map_at_r</c>, <c>mean_average_precision</c>, <c>mean_reciprocal_rank</c>; and what <see cref="EvaluationOptions"/>
    /// ask for:
    /// <list type="bullet">
    /// <item><c>precision@K</c>, <c>map@K</c>: see <see cref="RankMetrics.PrecisionAt"/> and <see cref="RankMetrics.AveragePrecisionAt"/>.</item>
    /// <item><c>recall@K_threshold</c>: a hit if fewer than K negatives are strictly more similar than the best positive, so that ties count as hits.</item>
    /// <item><c>map_at_r_counting_query</c>: MAP@R with an R that counts the query itself, so that a perfect ranking scores R / (R + 1).</item>
    /// <item><c>..._class_average</c>: the mean over classes of the mean over each class's queries.</item>
    /// <item><c>nmi</c>, <c>ami</c>, <c>f1</c>: see <see cref="ClusterAgreement"/>.</item>
    /// <item><c>..._k_reciprocal</c>, <c>..._expanded</c>: the order of a second search, see <see cref="KReciprocal"/> and <see cref="QueryExpansion"/>.</item>
    /// <item><c>recall@K_by_COLUMN</c>, <c>map_at_r_by_COLUMN</c>: by the labels of a column, over the queries that have one there.</item>
    /// <item><c>fnmr@fmr=X</c>: see <see cref="EvaluationOptions.FalseMatchRates"/>. <c>pcf@X</c>: see <see cref="PrincipalComponents"/>.</item>
    /// </list>
    /// </summary>
    public IReadOnlyDictionary<string, double> Values => MetricValues.Of(values);

    /// <summary>How many queries there were.</summary>
    public int Queries => Outcomes.Count;

    /// <summary>How many queries have no possible match.</summary>
    public int QueriesWithoutMatch { get; }

    /// <summary>The result of every query, in order.</summary>
    public IReadOnlyList<QueryOutcome> Outcomes => table.Outcomes;

    /// <summary>The results by class, lowest MAP@R first; classes without a matchable query come last.</summary>
    public IReadOnlyList<ClassMetrics> Classes { get; }

    /// <summary>MAP@R, the metric for model selection.</summary>
    public double MapAtR => values["map_at_r"];

    /// <summary>The value of a metric by its name in <see cref="Values"/>, in any case, or by the name that tables show, such as <c>MAP@R</c>.</summary>
    /// <exception cref="KeyNotFoundException">It was not measured; the message says what was.</exception>
    public double this[string name] => Values[name];

    /// <summary>Recall@K.</summary>
    /// <exception cref="KeyNotFoundException">It was not measured for this K; the message says for which it was.</exception>
    public double Recall(int k)
    {
        const string Start = "recall@";
        return values.TryGetValue(FormattableString.Invariant($"{Start}{k}"), out var value)
            ? value
            : throw new KeyNotFoundException(
                $"Recall@{k} was not measured, but K = {string.Join(", ", values.Keys.Where(key => key.StartsWith(Start, StringComparison.Ordinal)).Select(key => key[Start.Length..]).Where(key => key.All(char.IsAsciiDigit)))}. Name the K that are wanted in RecallAt of the EvaluationOptions or the TrainingOptions.");
    }

    /// <summary>Every query's value of a metric that is a mean over queries, in the order of the queries; 0 for those without a possible match.</summary>
    /// <exception cref="KeyNotFoundException">There is no metric with this name.</exception>
    public IReadOnlyList<double> OfQueries(string name) => table.Column(MetricValues.Of(values).Demanded(name));

    /// <summary>The same means over the queries of each group, such as each category: what they find is still what all of them could find.</summary>
    /// <param name="names">For each query, in their order, the groups that it is in; it may be in several, or in none.</param>
    public IReadOnlyList<GroupMetrics> ByGroup(IReadOnlyList<IReadOnlyList<string>> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        return names.Count == Queries ? GroupMetrics.Of(table, names) : throw new ArgumentException($"{names.Count} queries have groups, and there are {Queries}", nameof(names));
    }

    /// <summary>Every metric under its display name, one per line, in percent; variants over possible queries only if some are impossible.</summary>
    public override string ToString()
    {
        var shown = values.Where(pair => QueriesWithoutMatch > 0 || !pair.Key.EndsWith("_possible_only", StringComparison.Ordinal));
        var lines = shown.Select(pair => (Name: MetricNames.Display(pair.Key), Value: Readable.Percent(pair.Value))).ToList();
        var (names, numbers) = (lines.Max(line => line.Name.Length), lines.Max(line => line.Value.Length));
        return $"{Readable.Count(Queries)} queries, in percent"
            + string.Concat(lines.Select(line => $"\n  {line.Name.PadRight(names)}  {line.Value.PadLeft(numbers)}"));
    }

    /// <summary>What F# Interactive prints.</summary>
    internal string Shown => ToString();

    internal void Add(string name, double value) => values[name] = value;

    private void AddClassAverages()
    {
        foreach (var measure in table.Measures)
        {
            values[$"{measure.Name}_class_average"] =
                Classes.Where(one => one.Values.ContainsKey(measure.Name)).Average(one => one.Values[measure.Name]);
        }
    }
}
