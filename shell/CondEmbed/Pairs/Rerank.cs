using CondEmbed.Evaluation;

namespace CondEmbed.Pairs;

/// <summary>Search in two steps: the K nearest by the cosine of the unconditional embeddings, put in order by the similarities of the levels.</summary>
/// <param name="K">How many of the nearest are put in order anew, at least 1; all where there are fewer.</param>
/// <param name="By">By what.</param>
public sealed record RerankOptions(int K, PairScore By = PairScore.Mean)
{
    /// <summary>2 GiB.</summary>
    public const long DefaultMemory = 2L << 30;

    /// <summary>
    /// Bytes for what the levels read of the pictures (keys and values: 200 kB a picture and level for 49 tokens of 512 features). Where those of all
    /// pictures do not fit, queries are taken in blocks, and the pictures that a block needs go through the encoder again.
    /// </summary>
    public long Memory { get; init; } = DefaultMemory;

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(K, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Memory, 0);
    }
}

/// <summary>What the two steps took.</summary>
/// <param name="Pictures">Pictures that were embedded.</param>
/// <param name="Queries">Queries that were answered.</param>
/// <param name="Embedding">Time for all pictures, reading and decoding included, and what the levels read of them.</param>
/// <param name="Search">Time for all queries: cosines, and the K nearest.</param>
/// <param name="Reranking">Time for all queries: the levels' similarities of the K nearest, and pictures that had to be embedded again for it.</param>
/// <param name="BytesOfPicture">What the levels read of one picture.</param>
/// <param name="EmbeddedAgain">Pictures that went through the encoder again, since not all fitted into memory.</param>
public sealed record RerankCost(
    int Pictures, int Queries, TimeSpan Embedding, TimeSpan Search, TimeSpan Reranking, long BytesOfPicture, long EmbeddedAgain)
{
    /// <summary>Milliseconds a picture.</summary>
    public double EmbeddingMs => Embedding.TotalMilliseconds / Math.Max(1, Pictures);

    /// <summary>Milliseconds a query.</summary>
    public double SearchMs => Search.TotalMilliseconds / Math.Max(1, Queries);

    /// <summary>Milliseconds a query.</summary>
    public double RerankingMs => Reranking.TotalMilliseconds / Math.Max(1, Queries);
}

/// <summary>Retrieval metrics of both orders.</summary>
/// <param name="K">How many were put in order anew, which may be fewer than asked for.</param>
/// <param name="Plain">By the cosine of the unconditional embeddings.</param>
/// <param name="Reranked">With the K nearest in their new order. Without what is measured of embeddings and not of an order.</param>
/// <param name="Cost">What it took.</param>
public sealed record RerankedMetrics(int K, RetrievalMetrics Plain, RetrievalMetrics Reranked, RerankCost Cost);
