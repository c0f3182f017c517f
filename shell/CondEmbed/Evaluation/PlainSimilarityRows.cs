using System.Numerics;

namespace CondEmbed.Evaluation;

/// <summary>
/// Dot products by plain loops: for sets so small that loading libtorch would take longer. Every pair is summed in the same order,
/// so equal embeddings have equal similarities to the last bit.
/// </summary>
internal sealed class PlainSimilarityRows<T>(Embeddings<T> queries, Embeddings<T> gallery) : ISimilarityRows<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public T Uncertainty => T.Zero;

    public unsafe void Compute(int first, int count, Span<T> similarities)
    {
        fixed (T* into = similarities)
        {
            var start = (nint)into;
            Parallel.For(0, count, ComputeThreads.Spread, row =>
            {
                var target = new Span<T>((T*)start + ((long)row * gallery.Count), gallery.Count);
                for (var item = 0; item < target.Length; item++)
                {
                    target[item] = Certain(first + row, item);
                }
            });
        }
    }

    public T Certain(int query, int item) => SimilarityRows.Certain(queries, query, gallery, item);

    public void Dispose()
    {
    }
}
