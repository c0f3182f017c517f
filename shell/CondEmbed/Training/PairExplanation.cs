using CondEmbed.Interop;

namespace CondEmbed.Training;

/// <summary>Why two pictures are alike or not.</summary>
/// <param name="Similarity">How alike they are, on each level.</param>
/// <param name="Levels">Where each level looks in the two, first level first.</param>
public sealed record PairExplanation(PairSimilarity Similarity, IReadOnlyList<PairLook> Levels);
