using CondEmbed.Images;

namespace CondEmbed.Search;

/// <summary>A network at test time: pixels in, embeddings of length 1 out. One thread at a time.</summary>
public interface IEmbeddingNetwork : IDisposable
{
    /// <summary>D, numbers in an embedding.</summary>
    int Dimension { get; }

    /// <summary>What the network sees of an image.</summary>
    EvalTransform View { get; }

    /// <summary>The best number of images to embed at once, at least 1.</summary>
    int BatchSize { get; }

    /// <summary>
    /// SHA-256 of the weights and of what is done with an image, in hexadecimal: embeddings are comparable only if it is the same, so an index stores it.
    /// </summary>
    string Fingerprint { get; }

    /// <summary>B Size Size 3 bytes -> B D numbers, row after row, each row of length 1; Size is that of <see cref="View"/>.</summary>
    /// <param name="pixels">Exactly the bytes of B images, as <see cref="View"/> makes them.</param>
    /// <param name="count">B, the number of images.</param>
    float[] Embed(byte[] pixels, int count);
}
