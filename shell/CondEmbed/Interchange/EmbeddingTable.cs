using CondEmbed.Search;

namespace CondEmbed.Interchange;

/// <summary>Embeddings of images, with their paths and labels if known.</summary>
public sealed class EmbeddingTable
{
    /// <summary>Wraps numbers and texts without copying them.</summary>
    /// <exception cref="ArgumentException">They do not fit together.</exception>
    public EmbeddingTable(float[] values, int count, int dimension, IReadOnlyList<string>? paths = null, IReadOnlyList<string>? labels = null)
    {
        Embeddings = new Embeddings<float>(values, count, dimension);
        if ((paths?.Count ?? count) != count || (labels?.Count ?? count) != count)
        {
            throw new ArgumentException($"{paths?.Count} paths and {labels?.Count} labels for {count} embeddings", nameof(paths));
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
    public IReadOnlyList<string>? Paths { get; }

    /// <summary>The class of each image; null if unknown.</summary>
    public IReadOnlyList<string>? Labels { get; }
}
