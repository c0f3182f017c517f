namespace CondEmbed.Pairs;

/// <summary>Why two images are similar or not.</summary>
/// <param name="First">The first image as the network sees it.</param>
/// <param name="Second">The second one.</param>
/// <param name="Similarity">Their similarity on each level.</param>
/// <param name="Levels">Where each level attends in the two images, first level first.</param>
public sealed record PairExplanation(RgbImage First, RgbImage Second, PairSimilarity Similarity, IReadOnlyList<PairAttention> Levels)
{
    internal static PairExplanation Of(EvalTransform view, Comparer comparer, RgbImage first, RgbImage second)
    {
        var (one, other) = (view.Apply(first), view.Apply(second));
        using var images = comparer.Read([.. one.Pixels, .. other.Pixels], 2, view.OutputSize);
        return new(one, other, PairSimilarity.Of(comparer.Similarities(images, [0], [1]), 0), comparer.Attention(images, 0, 1));
    }
}
