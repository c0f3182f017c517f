namespace CondEmbed.Evaluation;

/// <summary>
/// How well a clustering agrees with classes. Of n items, a_i are of class i, b_j in cluster j, and n_ij both.
/// <list type="bullet">
/// <item>Mutual information MI = sum n_ij / n log(n n_ij / (a_i b_j)); entropies H = -sum a_i / n log(a_i / n).</item>
/// <item>NMI = MI / ((H(classes) + H(clusters)) / 2), the arithmetic normalisation; as scikit-learn's <c>normalized_mutual_info_score</c>.</item>
/// <item>AMI = (MI - E) / ((H(classes) + H(clusters)) / 2 - E), with E the exact expectation of MI over permutations (Vinh, Epps,
/// Bailey, "Information Theoretic Measures for Clusterings Comparison", JMLR 2010, equation 24); as <c>adjusted_mutual_info_score</c>.</item>
/// <item>F1 = 2 P R / (P + R) over pairs of items: P is the share of the pairs within a cluster that are of one class, R the share of the pairs of
/// one class that are within a cluster (Manning, Raghavan, Schuetze, "Introduction to Information Retrieval", 2008, section 16.3).</item>
/// </list>
/// </summary>
public sealed class ClusterAgreement
{
    private readonly int count;
    private readonly long[] classSizes;
    private readonly long[] clusterSizes;
    private readonly List<(long Class, long Cluster, long Both)> cells;

    /// <summary>Compares the class of each item with its cluster.</summary>
    /// <exception cref="ArgumentException">There are no items, or the numbers of labels and clusters differ.</exception>
    public ClusterAgreement(IReadOnlyList<long> labels, IReadOnlyList<int> clusters)
    {
        if (labels.Count != clusters.Count || labels.Count == 0)
        {
            throw new ArgumentException($"{labels.Count} labels but {clusters.Count} clusters", nameof(clusters));
        }

        count = labels.Count;
        var ofClass = labels.CountBy(label => label).ToDictionary(pair => pair.Key, pair => (long)pair.Value);
        var ofCluster = clusters.CountBy(cluster => cluster).ToDictionary(pair => pair.Key, pair => (long)pair.Value);
        classSizes = [.. ofClass.Values];
        clusterSizes = [.. ofCluster.Values];
        cells = [.. labels.Zip(clusters).CountBy(pair => pair).Select(pair => (ofClass[pair.Key.First], ofCluster[pair.Key.Second], (long)pair.Value))];
        F1 = PairF1();
        (Nmi, Ami) = Information();
    }

    /// <summary>Normalised mutual information, 0 to 1.</summary>
    public double Nmi { get; }

    /// <summary>Adjusted mutual information: 0 is chance level, 1 a perfect clustering.</summary>
    public double Ami { get; }

    /// <summary>The F1 of pairs, 0 to 1; 0 if no two items share both cluster and class.</summary>
    public double F1 { get; }

    /// <summary>The key, the name for people, and the value of each. To add one, add a line here.</summary>
    internal static IReadOnlyList<(string Key, string Name, Func<ClusterAgreement, double> Value)> Metrics { get; } =
        [("nmi", "NMI", agreement => agreement.Nmi), ("ami", "AMI", agreement => agreement.Ami), ("f1", "F1", agreement => agreement.F1)];

    private double PairF1()
    {
        static double Pairs(long size) => size * (size - 1d) / 2;
        var both = cells.Sum(cell => Pairs(cell.Both));
        return both == 0 ? 0 : 2 * both / (clusterSizes.Sum(Pairs) + classSizes.Sum(Pairs));
    }

    private (double Nmi, double Ami) Information()
    {
        if (classSizes.Length == 1 && clusterSizes.Length == 1)
        {
            return (1, 1);
        }

        var mutual = Math.Max(0, cells.Sum(cell => cell.Both / (double)count * Math.Log((double)count * cell.Both / ((double)cell.Class * cell.Cluster))));
        var mean = (Entropy(classSizes) + Entropy(clusterSizes)) / 2;
        var expected = ExpectedInformation.Of(classSizes, clusterSizes);

        // If all groups are single items, chance does as well as anything, and a quotient of rounding errors would mean nothing.
        var room = mean - expected;
        return (mutual / mean, room < 1e-12 ? 0 : (mutual - expected) / room);
    }

    private double Entropy(long[] sizes) => -sizes.Sum(size => size / (double)count * Math.Log(size / (double)count));
}
