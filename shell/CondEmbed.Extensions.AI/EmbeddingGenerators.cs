using Microsoft.Extensions.AI;

namespace CondEmbed.Extensions.AI;

/// <summary>Networks of this library as Microsoft.Extensions.AI knows them.</summary>
public static class EmbeddingGenerators
{
    /// <summary>
    /// An embedder as a generator: encoded images in, embeddings of length 1 out. It may be called from any number of threads. The embedder stays its owner's: disposing of the
    /// generator does not dispose of it.
    /// </summary>
    /// <param name="embedder">The embedder.</param>
    /// <param name="modelId">The model's name in metadata and telemetry; null for one that begins with <c>condembed-</c> and ends in the first digits of the fingerprint.</param>
    public static IEmbeddingGenerator<DataContent, Embedding<float>> AsIEmbeddingGenerator(this Embedder embedder, string? modelId = null)
    {
        ArgumentNullException.ThrowIfNull(embedder);
        return new ImageEmbeddingGenerator(embedder, modelId, isOwner: false);
    }

    /// <summary>
    /// A network, such as an <c>OnnxModel</c> or an <c>EmbeddingModel</c>, as a generator: encoded images in, embeddings of length 1 out. It may be called from any number of
    /// threads. The generator takes over the network, and disposes of it.
    /// </summary>
    /// <param name="network">The network, which no one else may use any more.</param>
    /// <param name="modelId">The model's name in metadata and telemetry; null for one that begins with <c>condembed-</c> and ends in the first digits of the fingerprint.</param>
    /// <param name="options">Batch size, threads, decoder.</param>
    public static IEmbeddingGenerator<DataContent, Embedding<float>> AsIEmbeddingGenerator(
        this IEmbeddingNetwork network, string? modelId = null, EmbedderOptions? options = null) =>
        new ImageEmbeddingGenerator(new Embedder(network, options), modelId, isOwner: true);
}
