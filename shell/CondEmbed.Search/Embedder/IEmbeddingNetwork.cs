namespace CondEmbed.Search;

/// <summary>A network at test time: pixels in, embeddings of length 1 out. One thread at a time.</summary>
public interface IEmbeddingNetwork : IDisposable
{
    /// <summary>How many numbers an embedding has.</summary>
    int Dimension { get; }

    /// <summary>What the network sees of an image.</summary>
    EvalTransform View { get; }

    /// <summary>The best number of images to embed at once, at least 1.</summary>
    int BatchSize { get; }

    /// <summary>
    /// SHA-256 of the weights and of what is done with an image, in hexadecimal: embeddings are comparable only if it is the same, so an index stores it.
    /// </summary>
    string Fingerprint { get; }

    /// <summary>Embeds prepared images: returns <see cref="Dimension"/> numbers for each, one image after another, each a vector of length 1.</summary>
    /// <param name="pixels">Exactly the bytes of so many images, as <see cref="View"/> makes them: B Size Size 3.</param>
    /// <param name="count">How many images these are.</param>
    float[] Embed(byte[] pixels, int count);
}
