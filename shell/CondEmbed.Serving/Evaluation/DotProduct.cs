using System.Numerics;

namespace CondEmbed.Evaluation;

/// <summary>Dot products whose terms are summed in one and the same order, so that equal rows have equal products to the last bit.</summary>
internal static class DotProduct
{
    internal static T Of<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
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

    /// <summary>
    /// How far apart two ways of summing a dot product of vectors of length 1 can be: each is within D u of the exact value, where u is half of
    /// epsilon (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 3.1); some more for lengths that are not quite 1.
    /// </summary>
    internal static T Uncertainty<T>(int dimension)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        T.CreateChecked(dimension + 8) * (T.BitIncrement(T.One) - T.One);
}
