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
        using var rows = EmbeddingTensor.Of(gallery.Values, 0, gallery.Count, gallery.Dimension);
        transposed = rows.t().DetachFromDisposeScope();
    }

    public T Uncertainty => DotProduct.Uncertainty<T>(gallery.Dimension);

    public void Compute(int first, int count, Span<T> similarities)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        using var block = EmbeddingTensor.Of(queries.Values, first, count, queries.Dimension);
        using var product = torch.mm(block, transposed);
        MemoryMarshal.Cast<byte, T>(product.bytes).CopyTo(similarities);
    }

    public T Certain(int query, int item) => SimilarityRows.Certain(queries, query, gallery, item);

    public void Dispose() => transposed.Dispose();
}
