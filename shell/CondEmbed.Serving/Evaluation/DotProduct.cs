using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CondEmbed.Evaluation;

/// <summary>Dot products whose terms are summed in one and the same order, so that equal rows have equal products to the last bit.</summary>
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
            throw new ArgumentException($"{b.Length} numbers, not {a.Length}", nameof(b));
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
    /// How far apart two ways of summing a dot product of vectors of length 1 can be: each is within D u of the exact value, where u is half of
    /// epsilon (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 3.1); some more for lengths that are not quite 1.
    /// </summary>
    internal static T Uncertainty<T>(int dimension)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        T.CreateChecked(dimension + 8) * (T.BitIncrement(T.One) - T.One);
}
