namespace CondEmbed.Pairs;

/// <summary>The similarity by which pairs are ranked.</summary>
public enum PairScore
{
    /// <summary>The mean of the unconditional similarity and those of all levels.</summary>
    Mean,

    /// <summary>The similarity of the last level.</summary>
    Last,
}

/// <summary>The similarity of two images; each number is from -1 to 1 and symmetric in the two.</summary>
/// <param name="Unconditional">s^0, the cosine of their embeddings.</param>
/// <param name="Levels">s^1 ... s^L, each level's.</param>
public sealed record PairSimilarity(double Unconditional, IReadOnlyList<double> Levels)
{
    /// <summary>That of the last level.</summary>
    public double Last => Levels[^1];

    /// <summary>The mean of s^0 ... s^L.</summary>
    public double Mean => (Unconditional + Levels.Sum()) / (Levels.Count + 1);

    internal static PairSimilarity Of(float[][] similarities, int pair) =>
        new(similarities[0][pair], [.. similarities.Skip(1).Select(level => (double)level[pair])]);

    /// <summary>One of them.</summary>
    public double By(PairScore score) => score == PairScore.Last ? Last : Mean;
}
