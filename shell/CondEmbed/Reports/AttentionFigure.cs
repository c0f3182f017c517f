namespace CondEmbed.Reports;

/// <summary>Where the levels look in one picture of a pair.</summary>
/// <param name="Label">Its class.</param>
/// <param name="Path">Where it comes from, as people know it.</param>
/// <param name="Picture">The picture as the network sees it.</param>
/// <param name="Maps">One a level: the picture with the weights over it, and how large these are, in words.</param>
public sealed record AttentionFigureSide(string Label, string Path, Picture Picture, IReadOnlyList<(Picture Picture, string Range)> Maps);

/// <summary>A pair of pictures.</summary>
/// <param name="First">The one.</param>
/// <param name="Second">The other.</param>
/// <param name="Unconditional">The cosine of their unconditional embeddings.</param>
/// <param name="Levels">Their similarity on each level.</param>
public sealed record AttentionFigurePair(AttentionFigureSide First, AttentionFigureSide Second, double Unconditional, IReadOnlyList<double> Levels);

/// <summary>Pairs under one heading.</summary>
/// <param name="Title">For example "Most alike of one class".</param>
/// <param name="Note">How they were chosen.</param>
/// <param name="Pairs">The pairs.</param>
public sealed record AttentionFigureGroup(string Title, string Note, IReadOnlyList<AttentionFigurePair> Pairs);
