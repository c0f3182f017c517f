using System.Globalization;
using System.Numerics;

namespace CondEmbed.Search;

/// <summary>Embeddings of images: <see cref="Count"/> rows of <see cref="Dimension"/> numbers, row after row.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Embeddings<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Wraps numbers without copying them.</summary>
    /// <exception cref="ArgumentException">The numbers are not count x dimension, or of a type that is not supported.</exception>
    public Embeddings(T[] values, int count, int dimension)
    {
        if (typeof(T) != typeof(float) && typeof(T) != typeof(double))
        {
            throw new ArgumentException($"embeddings must be float or double, not {typeof(T).Name}", nameof(values));
        }

        if (count < 0 || dimension < 1 || values.Length != (long)count * dimension)
        {
            throw new ArgumentException($"{values.Length} numbers are not {count} rows of {dimension}", nameof(values));
        }

        Values = values;
        Count = count;
        Dimension = dimension;
    }

    /// <summary>The numbers, row after row.</summary>
    public T[] Values { get; }

    /// <summary>How many embeddings there are.</summary>
    public int Count { get; }

    /// <summary>Numbers in an embedding.</summary>
    public int Dimension { get; }

    /// <summary>One embedding.</summary>
    public ReadOnlySpan<T> Row(int index) => Values.AsSpan(index * Dimension, Dimension);

    /// <summary>Some rows, copied.</summary>
    internal Embeddings<T> Chosen(ReadOnlySpan<int> rows)
    {
        var values = Room(rows.Length, Dimension);
        for (var i = 0; i < rows.Length; i++)
        {
            Row(rows[i]).CopyTo(values.AsSpan(i * Dimension));
        }

        return new Embeddings<T>(values, rows.Length, Dimension);
    }

    /// <summary>
    /// The same directions at length 1, so that dot products are cosines. An embedding of length 0 stays 0: its cosine with everything is 0.
    /// </summary>
    /// <exception cref="InputException">Some numbers are infinite or NaN; the message names the first such rows.</exception>
    public Embeddings<T> AtUnitLength()
    {
        ThrowIfNotFinite();
        var unit = new T[Values.Length];
        Parallel.For(0, Count, ComputeThreads.Spread, row => _ = ScaleToUnit(Row(row), unit.AsSpan(row * Dimension, Dimension)));
        return new Embeddings<T>(unit, Count, Dimension);
    }

    /// <summary>Writes the same direction at length 1, or 0 where it has length 0; returns the length, which is not finite where a number is not.</summary>
    internal static double ScaleToUnit(ReadOnlySpan<T> from, Span<T> to)
    {
        var largest = 0d;
        foreach (var value in from)
        {
            largest = Math.Max(largest, Math.Abs(double.CreateTruncating(value)));
        }

        if (largest == 0)
        {
            to.Clear();
            return 0;
        }

        // Scaled by the largest number, so that the squares of very large or very small ones neither overflow nor vanish, and so that (3, 3) becomes what (1, 1) does.
        var root = RootOfSquares(from, largest);
        for (var i = 0; i < to.Length; i++)
        {
            to[i] = T.CreateTruncating(double.CreateTruncating(from[i]) / largest / root);
        }

        return largest * root;
    }

    // Summed in twice the precision: the same for the same numbers in any order.
    private static double RootOfSquares(ReadOnlySpan<T> row, double largest)
    {
        var (sum, loss) = (0d, 0d);
        foreach (var value in row)
        {
            var scaled = double.CreateTruncating(value) / largest;
            var square = scaled * scaled;
            loss += Math.FusedMultiplyAdd(scaled, scaled, -square);
            sum = DotProduct.Plus(sum, square, ref loss);
        }

        return Math.Sqrt(sum + loss);
    }

    /// <summary>An array for that many embeddings.</summary>
    /// <exception cref="InputException">No array is that long.</exception>
    internal static T[] Room(int count, int dimension) =>
        (long)count * dimension <= Array.MaxLength
            ? new T[count * dimension]
            : throw new InputException(
                $"{count} embeddings of {dimension} numbers do not fit into one array. Embed them in parts ({Wording.Of("ShardWriter", "condembed embed --shard i/N")}), or into a store ({Wording.Of("StoreIndexer", "condembed index")}).");

    internal void ThrowIfNotFinite()
    {
        var bad = Enumerable.Range(0, Count).AsParallel().AsOrdered().WithDegreeOfParallelism(Math.Min(ComputeThreads.Count, 512)).Where(row => !IsFinite(Row(row))).ToList();
        if (bad.Count > 0)
        {
            var first = string.Join(", ", bad.Take(10).Select(row => row.ToString(CultureInfo.InvariantCulture)));
            throw new InputException(
                $"{bad.Count} of {Count} embeddings contain NaN or infinity (rows {first}{(bad.Count > 10 ? ", ..." : "")}, counted from 0)");
        }
    }

    private static bool IsFinite(ReadOnlySpan<T> row)
    {
        foreach (var value in row)
        {
            if (!T.IsFinite(value))
            {
                return false;
            }
        }

        return true;
    }
}
