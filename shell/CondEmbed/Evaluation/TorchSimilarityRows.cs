using System.Numerics;
using System.Runtime.InteropServices;
using TorchSharp;

namespace CondEmbed.Evaluation;

/// <summary>Dot products by torch's matrix product.</summary>
internal sealed class TorchSimilarityRows<T> : ISimilarityRows<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Embeddings<T> queries;
    private readonly torch.Tensor transposed;

    internal TorchSimilarityRows(Embeddings<T> queries, Embeddings<T> gallery)
    {
        Native.ensure();
        this.queries = queries;
        using var scope = torch.NewDisposeScope();
        using var rows = Tensor(gallery.Values, gallery.Count, gallery.Dimension);
        transposed = rows.t().DetachFromDisposeScope();
    }

    public void Compute(int first, int count, Span<T> similarities)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var slice = queries.Values.AsSpan(first * queries.Dimension, count * queries.Dimension).ToArray();
        using var block = Tensor(slice, count, queries.Dimension);
        using var product = torch.mm(block, transposed);
        MemoryMarshal.Cast<byte, T>(product.bytes).CopyTo(similarities);
    }

    public void Dispose() => transposed.Dispose();

    private static torch.Tensor Tensor(T[] values, int rows, int columns) =>
        values switch
        {
            float[] singles => torch.tensor(singles, [rows, columns], torch.float32, torch.CPU),
            double[] doubles => torch.tensor(doubles, [rows, columns], torch.float64, torch.CPU),
            _ => throw new InvalidOperationException(),
        };
}
