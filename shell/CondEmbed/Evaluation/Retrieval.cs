using CondEmbed.Search;

namespace CondEmbed.Evaluation;

/// <summary>
/// Measures retrieval by cosine similarity, a block of queries at a time: 60,502 embeddings of 512 floats need less than 1 GB besides
/// the embeddings themselves. Ties are broken by lower index, so that no metric depends on K or on the block.
/// </summary>
public static class Retrieval
{
    /// <summary>All against all: every item searches among all others.</summary>
    /// <param name="embeddings">N D, the embeddings.</param>
    /// <param name="labels">N, the label of each embedding.</param>
    /// <param name="options">What else to measure.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    /// <exception cref="InputException">An embedding is not finite, or no query has anything to find.</exception>
    public static RetrievalMetrics Evaluate<T>(
        Embeddings<T> embeddings,
        IReadOnlyList<long> labels,
        EvaluationOptions? options = null,
        CancellationToken cancellationToken = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        return Evaluate(LabelledSearch<T>.Among(new LabelledSet<T>(embeddings, labels)), options, cancellationToken);
    }

    /// <summary>Queries against a gallery. Both use the same numbers for the same classes.</summary>
    /// <param name="queries">Q D, the query embeddings.</param>
    /// <param name="queryLabels">Q, the label of each query.</param>
    /// <param name="gallery">G D, the gallery embeddings.</param>
    /// <param name="galleryLabels">G, the label of each gallery item.</param>
    /// <param name="self">For each query, the gallery item that is the same image and is therefore excluded, or -1; null if there are none.</param>
    /// <param name="options">What else to measure. Clusterings and principal components are those of the queries.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    /// <exception cref="InputException">An embedding is not finite, or no query has its label in the gallery.</exception>
    public static RetrievalMetrics Evaluate<T>(
        Embeddings<T> queries,
        IReadOnlyList<long> queryLabels,
        Embeddings<T> gallery,
        IReadOnlyList<long> galleryLabels,
        IReadOnlyList<int>? self = null,
        EvaluationOptions? options = null,
        CancellationToken cancellationToken = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (queries.Dimension != gallery.Dimension)
        {
            throw new ArgumentException($"queries have {queries.Dimension} numbers, the gallery {gallery.Dimension}", nameof(gallery));
        }

        if (self is not null && self.Count != queries.Count)
        {
            throw new ArgumentException($"{self.Count} entries for {queries.Count} queries", nameof(self));
        }

        self ??= [.. Enumerable.Repeat(-1, queries.Count)];
        return Evaluate(new LabelledSearch<T>(new LabelledSet<T>(queries, queryLabels), new LabelledSet<T>(gallery, galleryLabels), self), options, cancellationToken);
    }

    private static RetrievalMetrics Evaluate<T>(LabelledSearch<T> search, EvaluationOptions? options, CancellationToken cancellationToken)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        options ??= new EvaluationOptions();
        options.Check();
        var measures = QueryMeasure.Of(options);
        var table = options.Relevance is { } relevance ? RelevantTable(search, measures, relevance, cancellationToken) : Table(search, measures, null, cancellationToken);
        table.DemandMatch(options.Relevance is null ? "another item with its label" : "an item that is relevant to it");
        IEnumerable<string> strange = search.IsAmongItself ? search.Queries.Strange("embeddings")
            : search.Queries.Strange("query embeddings").Concat(search.Gallery.Strange("gallery embeddings"));
        var metrics = new RetrievalMetrics(table, options) { Notices = [.. strange] };
        AddEach("fnmr@fmr=", options.FalseMatchRates, rates =>
        {
            using var rows = search.Rows();
            return new FalseMatches<T>(rows, search).NonMatchRates(rates, cancellationToken);
        });

        if (options.Clustering)
        {
            AddClustering(metrics, search.Queries, options.Seed, cancellationToken);
        }

        AddSecondSearches(metrics, search, options, cancellationToken);
        AddEach("pcf@", options.Variances, variances => PrincipalComponents.Fractions(search.Queries.Given, variances));
        return metrics;

        void AddEach(string name, IReadOnlyList<double> levels, Func<IReadOnlyList<double>, double[]> measure)
        {
            foreach (var (level, value) in levels.Zip(levels.Count == 0 ? [] : measure(levels)))
            {
                metrics.Add(FormattableString.Invariant($"{name}{level}"), value);
            }
        }
    }

    /// <summary>The same measures of the order, after a second search that knows no labels either.</summary>
    private static void AddSecondSearches<T>(RetrievalMetrics metrics, LabelledSearch<T> search, EvaluationOptions options, CancellationToken cancellationToken)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (queries, gallery, self) = search;
        var ofOrder = new EvaluationOptions { RecallAt = options.RecallDepths, Relevance = options.Relevance };
        if (options.KReciprocal is { } reciprocal)
        {
            var candidates = Reranking.Candidates(queries.Given, gallery.Given, reciprocal.K, self, cancellationToken);
            var order = Reranking.Reorder(candidates, KReciprocal.Similarities(queries.Given, gallery.Given, candidates, reciprocal, self, cancellationToken));
            Add("_k_reciprocal", Reranking.Evaluate(queries.Given, queries.Labels, gallery.Given, gallery.Labels, order, self, ofOrder, cancellationToken));
        }

        if (options.Expansion is { } expansion)
        {
            var expanded = QueryExpansion.Expand(queries.Given, gallery.Given, expansion, self, cancellationToken);
            Add("_expanded", Evaluate(expanded, queries.Labels, gallery.Given, gallery.Labels, self, ofOrder, cancellationToken));
        }

        void Add(string ending, RetrievalMetrics again)
        {
            foreach (var (name, value) in again.Values.Where(pair => !pair.Key.EndsWith("_possible_only", StringComparison.Ordinal)))
            {
                metrics.Add(name + ending, value);
            }
        }
    }

    private static void AddClustering<T>(RetrievalMetrics metrics, LabelledSet<T> set, int seed, CancellationToken cancellationToken)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var clusters = KMeans.Cluster(set.Unit, set.Labels.Distinct().Count(), (ulong)seed, cancellationToken: cancellationToken).ClusterOf;
        var agreement = new ClusterAgreement(set.Labels, clusters);
        foreach (var (key, _, value) in ClusterAgreement.Metrics)
        {
            metrics.Add(key, value(agreement));
        }
    }

    /// <summary>Evaluates every query, with the first places of its ranking in another order if one is given.</summary>
    internal static QueryTable Table<T>(LabelledSearch<T> search, IReadOnlyList<QueryMeasure> measures, FirstPlaces<T>? first, CancellationToken cancellationToken)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var strictly = first is not null || measures.Any(measure => measure.IsOfThreshold);
        if (search is LabelledSearch<float> singles && PositiveRanks.Of(singles, strictly, cancellationToken) is { } counted)
        {
            var table = new QueryTable(measures, search.Queries.Labels);
            ParallelWork.Each(
                search.Count,
                query => Fill(table, search, query, counted.Ranks(query), strictly ? counted.StrictlyBetter(query) : 0, first),
                cancellationToken: cancellationToken);
            return table;
        }

        using var rows = search.Rows();
        return Table(rows, search, measures, first, null, cancellationToken);
    }

    /// <summary>The same, computed from full rows of similarities.</summary>
    internal static QueryTable Table<T>(
        SimilarityRows<T> rows, LabelledSearch<T> search, IReadOnlyList<QueryMeasure> measures, FirstPlaces<T>? first, int? rowsInBlock, CancellationToken cancellationToken)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var table = new QueryTable(measures, search.Queries.Labels);
        rows.ForEach(
            (query, similarities) =>
            {
                var positives = search.Positives(query);
                var ranks = new int[positives.Length];
                var better = RankCounter.StrictlyBetter(similarities.Span, search.Self[query], positives);
                RankCounter.Ranks(similarities.Span, search.Self[query], positives, ranks);
                Fill(table, search, query, ranks, better, first);
            },
            rowsInBlock,
            cancellationToken);
        return table;
    }

    /// <summary>The same by the items that are relevant to each query; those that do not count have no place in its ranking.</summary>
    private static QueryTable RelevantTable<T>(LabelledSearch<T> search, IReadOnlyList<QueryMeasure> measures, IRelevance relevance, CancellationToken cancellationToken)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using var rows = search.Rows();
        var table = new QueryTable(measures, search.Queries.Labels);
        rows.ForEach(
            (query, similarities) =>
            {
                var counted = similarities.ToArray();
                int[] positives = [.. Relevant(relevance, query, search.Self[query], counted)];
                var ranks = new int[positives.Length];
                var better = RankCounter.StrictlyBetter<T>(counted, -1, positives);
                RankCounter.Ranks<T>(counted, -1, positives, ranks);
                Fill(table, search, query, ranks, better, null);
            },
            cancellationToken: cancellationToken);
        return table;
    }

    /// <summary>The relevant items; what does not count becomes less similar than anything.</summary>
    private static List<int> Relevant<T>(IRelevance relevance, int query, int self, T[] similarities)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var marks = new sbyte[similarities.Length];
        relevance.Mark(query, marks);
        var positives = new List<int>();
        for (var item = 0; item < marks.Length; item++)
        {
            if (item == self || marks[item] == 0)
            {
                similarities[item] = T.NegativeInfinity;
            }
            else if (marks[item] > 0)
            {
                positives.Add(item);
            }
        }

        return positives;
    }

    private static void Fill<T>(QueryTable table, LabelledSearch<T> search, int query, int[] ranks, int strictlyBetter, FirstPlaces<T>? first)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        strictlyBetter = first?.Apply(query, search.Queries.Labels[query], ranks, strictlyBetter) ?? strictlyBetter;
        table.Fill(query, new QueryRanking(ranks, ranks.Length, strictlyBetter, search.Self[query] >= 0));
    }
}
