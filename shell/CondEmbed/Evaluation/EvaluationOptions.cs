namespace CondEmbed.Evaluation;

/// <summary>What to measure besides the usual metrics. See <see cref="RetrievalMetrics.Values"/> for the names.</summary>
public sealed record EvaluationOptions
{
    /// <summary>The K of Recall@K (of queries against a gallery often called CMC@K); null for <see cref="RetrievalMetrics.DefaultRecallAt"/>.</summary>
    public IReadOnlyList<int>? RecallAt { get; init; }

    /// <summary>The K of precision@K and MAP@K as open-metric-learning defines them; none by default.</summary>
    public IReadOnlyList<int> CutOffs { get; init; } = [];

    /// <summary>Also the variants that papers and repositories report: <c>recall@K_threshold</c> and <c>map_at_r_counting_query</c>.</summary>
    public bool Variants { get; init; }

    /// <summary>Also the mean over classes of each class's mean: <c>..._class_average</c>.</summary>
    public bool ClassAverages { get; init; }

    /// <summary>Also NMI, AMI and F1 of a k-means clustering of the queries; see <see cref="ClusterAgreement"/>.</summary>
    public bool Clustering { get; init; }

    /// <summary>Seed of the clustering.</summary>
    public int Seed { get; init; }

    /// <summary>Also with the nearest items re-ranked by the neighbours that they share with the query: <c>..._k_reciprocal</c>; null to leave it out.</summary>
    public KReciprocalOptions? KReciprocal { get; init; }

    /// <summary>Also with queries expanded by what they find first: <c>..._expanded</c>; null to leave it out.</summary>
    public QueryExpansionOptions? Expansion { get; init; }

    /// <summary>Which items each query should find; null for those with its label. False match rates need labels.</summary>
    public IRelevance? Relevance { get; init; }

    /// <summary>The false match rates, 0 to 1, at which to give the false non-match rate, as open-metric-learning's <c>calc_fnmr_at_fmr</c>: the share of
    /// the positive pairs whose distance is at least the FMR quantile of the distances of all negative pairs. None by default.</summary>
    public IReadOnlyList<double> FalseMatchRates { get; init; } = [];

    /// <summary>The shares of variance, 0 to 1, for which to give the fraction of principal components; see <see cref="PrincipalComponents"/>.</summary>
    public IReadOnlyList<double> Variances { get; init; } = [];

    internal IReadOnlyList<int> RecallDepths => RecallAt ?? RetrievalMetrics.DefaultRecallAt;

    internal void Check()
    {
        DemandDepths(RecallDepths, nameof(RecallAt));
        DemandDepths(CutOffs, nameof(CutOffs));
        DemandShares(FalseMatchRates, nameof(FalseMatchRates));
        DemandShares(Variances, nameof(Variances));
        KReciprocal?.Check();
        Expansion?.Check();
        if (Relevance is not null && KReciprocal is not null)
        {
            throw new InputException($"Re-ranking is measured by classes alone, and here something other than the class says which images are alike. Leave out {Wording.Of(nameof(KReciprocal), "--k-reciprocal")}.");
        }

        if (Relevance is not null && FalseMatchRates.Count > 0)
        {
            throw new InputException($"False non-match rates are measured by classes alone, and here something other than the class says which images are alike. Leave out {Wording.Of(nameof(FalseMatchRates), "--fmr")}.");
        }
    }

    private static void DemandDepths(IReadOnlyList<int> depths, string name)
    {
        if (depths.Any(k => k < 1))
        {
            throw new ArgumentException($"K must be at least 1: {string.Join(", ", depths)}", name);
        }
    }

    private static void DemandShares(IReadOnlyList<double> shares, string name)
    {
        if (shares.Any(share => !(share is >= 0 and <= 1)))
        {
            throw new ArgumentException(FormattableString.Invariant($"must be between 0 and 1: {string.Join(", ", shares)}"), name);
        }
    }
}
