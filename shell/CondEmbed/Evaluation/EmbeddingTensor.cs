using TorchSharp;

namespace CondEmbed.Evaluation;

/// <summary>Embeddings as tensors on the CPU.</summary>
internal static class EmbeddingTensor
{
    /// <summary>N D: some rows in the precision of the numbers, not copied; the tensor keeps the array in its place until it is disposed.</summary>
    internal static torch.Tensor Of<T>(T[] values, int first, int count, int dimension)
        where T : unmanaged
    {
        var type = typeof(T) == typeof(float) ? torch.float32 : torch.float64;
        using var flat = torch.frombuffer(values, type, (long)count * dimension, (long)first * dimension);
        return flat.view(count, dimension);
    }
}
