using CondEmbed.Evaluation;

namespace CondEmbed.Pairs;

/// <summary>Search in two steps: the K nearest by the cosine of the unconditional embeddings, re-ranked by the similarities of the levels.</summary>
/// <param name="K">How many of the nearest are re-ranked, at least 1; all if there are fewer.</param>
/// <param name="By">The similarity to re-rank by.</param>
public sealed record RerankOptions(int K, PairScore By = PairScore.Mean)
{
    /// <summary>2 GiB.</summary>
    public const long DefaultMemory = 2L << 30;

    /// <summary>
    /// Bytes for the keys and values of the images (200 kB per image and level for 49 tokens of 512 features). If those of all
    /// images do not fit, queries are taken in blocks, and the images that a block needs go through the encoder again.
    /// </summary>
    public long Memory { get; init; } = DefaultMemory;

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(K, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Memory, 0);
    }
}

/// <summary>The cost of the two steps.</summary>
/// <param name="Images">Images that were embedded.</param>
/// <param name="Queries">Queries that were answered.</param>
/// <param name="Embedding">Time for embedding all images, including reading, decoding, keys and values.</param>
/// <param name="Search">Time for all queries: cosines, and the K nearest.</param>
/// <param name="Reranking">Time for all queries: the levels' similarities of the K nearest, and images that had to be embedded again for it.</param>
/// <param name="BytesPerImage">Bytes of the keys and values of one image.</param>
/// <param name="EmbeddedAgain">Images that went through the encoder again, since not all fit into memory.</param>
public sealed record RerankCost(
    int Images, int Queries, TimeSpan Embedding, TimeSpan Search, TimeSpan Reranking, long BytesPerImage, long EmbeddedAgain)
{
    /// <summary>Milliseconds per image.</summary>
    public double EmbeddingMs => Embedding.TotalMilliseconds / Math.Max(1, Images);

    /// <summary>Milliseconds per query.</summary>
    public double SearchMs => Search.TotalMilliseconds / Math.Max(1, Queries);

    /// <summary>Milliseconds per query.</summary>
    public double RerankingMs => Reranking.TotalMilliseconds / Math.Max(1, Queries);
}

/// <summary>Retrieval metrics of both orders.</summary>
/// <param name="K">How many were re-ranked, which may be fewer than asked for.</param>
/// <param name="Plain">By the cosine of the unconditional embeddings.</param>
/// <param name="Reranked">With the K nearest in their new order; without measures that depend on the embeddings rather than the order.</param>
/// <param name="Cost">What it took.</param>
public sealed record RerankedMetrics(int K, RetrievalMetrics Plain, RetrievalMetrics Reranked, RerankCost Cost);
