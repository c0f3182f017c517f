using System.Numerics;

namespace CondEmbed.Evaluation;

/// <summary>
/// Dot products by plain loops: for sets so small that loading libtorch would take longer. Every pair is summed in the same order,
/// so equal embeddings have equal similarities to the last bit.
/// </summary>
internal sealed class PlainSimilarityRows<T>(Embeddings<T> queries, Embeddings<T> gallery) : ISimilarityRows<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public unsafe void Compute(int first, int count, Span<T> similarities)
    {
        fixed (T* into = similarities)
        {
            var start = (nint)into;
            Parallel.For(0, count, row =>
            {
                var query = queries.Row(first + row);
                var target = new Span<T>((T*)start + ((long)row * gallery.Count), gallery.Count);
                for (var item = 0; item < target.Length; item++)
                {
                    target[item] = Dot(query, gallery.Row(item));
                }
            });
        }
    }

    public void Dispose()
    {
    }

    private static T Dot(ReadOnlySpan<T> a, ReadOnlySpan<T> b)
    {
        var wide = Vector<T>.Zero;
        var at = 0;
        for (; at <= a.Length - Vector<T>.Count; at += Vector<T>.Count)
        {
            wide += new Vector<T>(a[at..]) * new Vector<T>(b[at..]);
        }

        var sum = Vector.Sum(wide);
        for (; at < a.Length; at++)
        {
            sum += a[at] * b[at];
        }

        return sum;
    }
}
