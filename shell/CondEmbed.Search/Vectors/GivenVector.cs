namespace CondEmbed.Search;

/// <summary>Embeddings that callers give, to be searched for or kept.</summary>
internal static class GivenVector
{
    /// <summary>Throws if nothing can be similar to an embedding, or it is not one of those that it is to be compared with.</summary>
    /// <param name="embedding">What was given.</param>
    /// <param name="dimension">How many numbers it should have.</param>
    /// <param name="holder">What has embeddings of that many, for the message.</param>
    /// <param name="parameter">What the caller calls it.</param>
    /// <exception cref="ArgumentException">It has another number of numbers, or is not finite and of a length above 0.</exception>
    internal static void Demand(ReadOnlySpan<float> embedding, int dimension, string holder, string parameter)
    {
        if (embedding.Length != dimension)
        {
            throw new ArgumentException($"The embedding has {embedding.Length} numbers; those in the {holder} have {dimension}.", parameter);
        }

        foreach (var number in embedding)
        {
            if (!float.IsFinite(number))
            {
                throw WithoutDirection(parameter);
            }
        }

        if (!embedding.ContainsAnyExcept(0f))
        {
            throw WithoutDirection(parameter);
        }
    }

    /// <summary>The same direction at length 1.</summary>
    /// <inheritdoc cref="Demand"/>
    internal static float[] Unit(ReadOnlySpan<float> embedding, int dimension, string holder, string parameter)
    {
        Demand(embedding, dimension, holder, parameter);
        var unit = new float[dimension];
        _ = Embeddings<float>.ScaleToUnit(embedding, unit);
        return unit;
    }

    private static ArgumentException WithoutDirection(string parameter) =>
        new("The embedding has no direction: its numbers are all 0 or not all finite.", parameter);
}
