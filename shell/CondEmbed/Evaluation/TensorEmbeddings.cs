using CondEmbed.Search;
using TorchSharp;

namespace CondEmbed.Evaluation;

/// <summary>Tensors as embeddings, and embeddings as tensors.</summary>
public static class TensorEmbeddings
{
    /// <summary>N D of any type and on any device -> the same numbers in single precision, copied.</summary>
    /// <exception cref="ArgumentException">The tensor is not N D.</exception>
    public static Embeddings<float> Of(torch.Tensor embeddings)
    {
        ArgumentNullException.ThrowIfNull(embeddings);
        var shape = embeddings.shape;
        if (shape.Length != 2)
            throw new ArgumentException($"Embeddings must be N x D, one row per image; these are [{string.Join(", ", shape)}].", nameof(embeddings));
        using var known = embeddings.detach();
        using var host = known.to(torch.float32, torch.CPU);
        using var dense = host.contiguous();
        return new Embeddings<float>([.. dense.data<float>()], (int)shape[0], (int)shape[1]);
    }

    /// <summary>N D: the numbers, not copied; the tensor pins the array until it is disposed.</summary>
    internal static torch.Tensor Tensor<T>(Embeddings<T> embeddings)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        using var flat = torch.frombuffer(embeddings.Values, typeof(T) == typeof(float) ? torch.float32 : torch.float64, embeddings.Values.LongLength);
        return flat.view(embeddings.Count, embeddings.Dimension);
    }
}
