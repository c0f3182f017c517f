using System.Diagnostics.CodeAnalysis;

namespace CondEmbed.Search;

/// <summary>An image of an unbounded sequence: its embedding, or why it has none.</summary>
/// <param name="Path">The image's file.</param>
/// <param name="Embedding">D numbers, of length 1; null for an image that cannot be used.</param>
/// <param name="Problem">What is wrong with the image, as a clause without a full stop; null for a good one.</param>
public sealed record EmbeddedImage(string Path, float[]? Embedding, string? Problem)
{
    /// <summary>Whether there is an embedding.</summary>
    [MemberNotNullWhen(true, nameof(Embedding))]
    [MemberNotNullWhen(false, nameof(Problem))]
    public bool IsGood => Embedding is not null;
}
