using CondEmbed.Search;

namespace CondEmbed.Interchange;

/// <summary>Embeddings of images, with their paths and labels if known.</summary>
public sealed class EmbeddingTable
{
    /// <summary>Wraps arrays without copying them.</summary>
    /// <exception cref="ArgumentException">The arrays do not fit together.</exception>
    public EmbeddingTable(float[] values, int count, int dimension, string[]? paths = null, string[]? labels = null)
    {
        Embeddings = new Embeddings<float>(values, count, dimension);
        if ((paths?.Length ?? count) != count || (labels?.Length ?? count) != count)
        {
            throw new ArgumentException($"{paths?.Length} paths and {labels?.Length} labels for {count} embeddings", nameof(paths));
        }

        Paths = paths;
        Labels = labels;
    }

    /// <summary>The embeddings, N D.</summary>
    public Embeddings<float> Embeddings { get; }

    /// <summary>N D, row after row.</summary>
    public float[] Values => Embeddings.Values;

    /// <summary>N, the number of embeddings.</summary>
    public int Count => Embeddings.Count;

    /// <summary>D, the length of an embedding.</summary>
    public int Dimension => Embeddings.Dimension;

    /// <summary>The path of each image; null if unknown.</summary>
    public string[]? Paths { get; }

    /// <summary>The class of each image; null if unknown.</summary>
    public string[]? Labels { get; }
}
