namespace CondEmbed.Storage;

/// <summary>Identifies a network by everything its embeddings depend on.</summary>
internal static class ModelFingerprint
{
    /// <summary>SHA-256 of every weight under its name and shape, and of the settings that the forward pass and the view of an image depend on.</summary>
    internal static string Of(Session session, EvalTransform view)
    {
        var config = session.Config;
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add(sum, FormattableString.Invariant($"{config.Encoder} {config.Pooling} {config.Embedding} {config.HeadNorm} {view}\n"));

        foreach (var weight in session.EmbeddingWeights())
        {
            Add(sum, $"{weight.Name} {weight.ElementType} {string.Join('x', weight.Shape)}\n");
            sum.AppendData(weight.Bytes);
        }

        return Convert.ToHexStringLower(sum.GetHashAndReset());
    }

    private static void Add(IncrementalHash sum, string text) => sum.AppendData(Encoding.UTF8.GetBytes(text));
}
