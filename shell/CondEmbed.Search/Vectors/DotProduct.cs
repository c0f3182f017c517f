using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CondEmbed.Search;

/// <summary>Dot products whose terms are always summed in the same order, so that equal rows have bit-identical products.</summary>
internal static class DotProduct
{
    /// <summary>D, D -> their product.</summary>
    /// <exception cref="ArgumentException">The rows differ in length.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static T Of<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (a.Length != b.Length)
        {
            throw new ArgumentException($"expected {a.Length} numbers, not {b.Length}", nameof(b));
        }

        ref var left = ref MemoryMarshal.GetReference(a);
        ref var right = ref MemoryMarshal.GetReference(b);
        // Four sums, so that none waits for its own last addition.
        var (first, second, third, fourth) = (Vector<T>.Zero, Vector<T>.Zero, Vector<T>.Zero, Vector<T>.Zero);
        var width = Vector<T>.Count;
        var at = 0;
        for (; at <= a.Length - (4 * width); at += 4 * width)
        {
            first += Vector.LoadUnsafe(ref left, (nuint)at) * Vector.LoadUnsafe(ref right, (nuint)at);
            second += Vector.LoadUnsafe(ref left, (nuint)(at + width)) * Vector.LoadUnsafe(ref right, (nuint)(at + width));
            third += Vector.LoadUnsafe(ref left, (nuint)(at + (2 * width))) * Vector.LoadUnsafe(ref right, (nuint)(at + (2 * width)));
            fourth += Vector.LoadUnsafe(ref left, (nuint)(at + (3 * width))) * Vector.LoadUnsafe(ref right, (nuint)(at + (3 * width)));
        }

        for (; at <= a.Length - width; at += width)
        {
            first += Vector.LoadUnsafe(ref left, (nuint)at) * Vector.LoadUnsafe(ref right, (nuint)at);
        }

        var sum = Vector.Sum((first + second) + (third + fourth));
        for (; at < a.Length; at++)
        {
            sum += a[at] * b[at];
        }

        return sum;
    }

    /// <summary>
    /// D, D -> their product, as if summed in twice the precision (Ogita, Rump, Oishi, "Accurate sum and dot product", 2005): so pairs with equal products in
    /// any order, such as (1, 2) with (1, 1) and (2, 1) with (1, 1), have them to the last bit.
    /// </summary>
    /// <exception cref="ArgumentException">The rows differ in length.</exception>
    internal static double Exact(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        if (a.Length != b.Length)
        {
            throw new ArgumentException($"expected {a.Length} numbers, not {b.Length}", nameof(b));
        }

        var (sums, losses) = (Vector<double>.Zero, Vector<double>.Zero);
        var at = 0;
        for (; at <= a.Length - Vector<double>.Count; at += Vector<double>.Count)
        {
            var (left, right) = (new Vector<double>(a[at..]), new Vector<double>(b[at..]));
            var product = left * right;
            var sum = sums + product;
            var added = sum - sums;
            losses += sums - (sum - added) + (product - added) + Vector.FusedMultiplyAdd(left, right, -product);
            sums = sum;
        }

        var (total, loss) = (0.0, Vector.Sum(losses));
        for (var lane = 0; lane < Vector<double>.Count; lane++)
        {
            total = Plus(total, sums[lane], ref loss);
        }

        for (; at < a.Length; at++)
        {
            var product = a[at] * b[at];
            loss += Math.FusedMultiplyAdd(a[at], b[at], -product);
            total = Plus(total, product, ref loss);
        }

        return total + loss;
    }

    /// <summary>a + b, and what rounding took of it added to the loss.</summary>
    internal static double Plus(double a, double b, ref double loss)
    {
        var sum = a + b;
        var added = sum - a;
        loss += a - (sum - added) + (b - added);
        return sum;
    }

    /// <summary>
    /// How much two ways of summing a dot product of vectors of length 1 can differ: each is within D u of the exact value, where u is half of
    /// epsilon (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 3.1); some more for lengths that are not quite 1.
    /// </summary>
    internal static T Uncertainty<T>(int dimension)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        T.CreateChecked(dimension + 8) * (T.BitIncrement(T.One) - T.One);
}
