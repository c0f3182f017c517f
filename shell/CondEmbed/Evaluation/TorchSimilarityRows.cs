using System.Numerics;
using System.Runtime.InteropServices;
using TorchSharp;

namespace CondEmbed.Evaluation;

/// <summary>Dot products by torch's matrix product, which sums the terms of each pair in an order of its own.</summary>
internal sealed class TorchSimilarityRows<T> : ISimilarityRows<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Embeddings<T> queries;
    private readonly Embeddings<T> gallery;
    private readonly torch.Tensor transposed;

    internal TorchSimilarityRows(Embeddings<T> queries, Embeddings<T> gallery)
    {
        Native.ensure();
        this.queries = queries;
        this.gallery = gallery;
        using var scope = torch.NewDisposeScope();
        using var rows = EmbeddingTensor.Of(gallery.Values, gallery.Count, gallery.Dimension);
        transposed = rows.t().DetachFromDisposeScope();
    }

    public T Uncertainty => DotProduct.Uncertainty<T>(gallery.Dimension);

    public void Compute(int first, int count, Span<T> similarities)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var slice = queries.Values.AsSpan(first * queries.Dimension, count * queries.Dimension).ToArray();
        using var block = EmbeddingTensor.Of(slice, count, queries.Dimension);
        using var product = torch.mm(block, transposed);
        MemoryMarshal.Cast<byte, T>(product.bytes).CopyTo(similarities);
    }

    public T Certain(int query, int item) => DotProduct.Of(queries.Row(query), gallery.Row(item));

    public void Dispose() => transposed.Dispose();
}

/// <summary>Embeddings as tensors on the CPU.</summary>
internal static class EmbeddingTensor
{
    /// <summary>N D, a copy, in the precision of the numbers.</summary>
    internal static torch.Tensor Of<T>(T[] values, int rows, int columns)
        where T : unmanaged =>
        values switch
        {
            float[] singles => torch.tensor(singles, [rows, columns], torch.float32, torch.CPU),
            double[] doubles => torch.tensor(doubles, [rows, columns], torch.float64, torch.CPU),
            _ => throw new InvalidOperationException(),
        };
}
