namespace CondEmbed.Reports;

/// <summary>Where the levels attend in one image of a pair.</summary>
/// <param name="Label">Its class.</param>
/// <param name="Path">Its origin, as shown to people.</param>
/// <param name="Image">The image as the network sees it.</param>
/// <param name="Maps">One per level.</param>
public sealed record AttentionFigureSide(string Label, string Path, EncodedImage Image, IReadOnlyList<AttentionMap> Maps);

/// <summary>Where one level attends.</summary>
/// <param name="Image">The image with the weights drawn over it.</param>
/// <param name="Range">Their range in words.</param>
public sealed record AttentionMap(EncodedImage Image, string Range);

/// <summary>A pair of images.</summary>
/// <param name="First">The first image.</param>
/// <param name="Second">The second image.</param>
/// <param name="Unconditional">The cosine of their unconditional embeddings.</param>
/// <param name="Levels">Their similarity on each level.</param>
public sealed record AttentionFigurePair(AttentionFigureSide First, AttentionFigureSide Second, double Unconditional, IReadOnlyList<double> Levels);

/// <summary>Pairs under one heading.</summary>
/// <param name="Title">For example "Most alike of one class".</param>
/// <param name="Note">How they were chosen.</param>
/// <param name="Pairs">The pairs.</param>
public sealed record AttentionFigureGroup(string Title, string Note, IReadOnlyList<AttentionFigurePair> Pairs);
