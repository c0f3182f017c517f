using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CondEmbed.Search;

/// <summary>Dot products of rows as they lie in an index with many queries at once: a row is read once for all of them.</summary>
internal static unsafe class RowProduct
{
    /// <summary>Rows of a tile.</summary>
    internal const int Rows = 8;

    /// <summary>Queries of a tile.</summary>
    internal const int Queries = 16;

    /// <summary>Q D -> D 16 for every 16 queries, padded with 0.</summary>
    internal static float[][] Packed(float[][] queries) =>
        [.. queries.Chunk(Queries).Select(some =>
        {
            var packed = new float[some[0].Length * Queries];
            for (var query = 0; query < some.Length; query++)
            {
                for (var at = 0; at < some[query].Length; at++)
                {
                    packed[(at * Queries) + query] = some[query][at];
                }
            }

            return packed;
        })];

    /// <summary>8 D, D 16 -> 8 16.</summary>
    /// <remarks>Its sums are within <see cref="DotProduct.Uncertainty{T}"/> of those of <see cref="DotProduct.Of{T}"/>, not the same.</remarks>
    internal static void Tile(float* rows, int dimension, float* queries, float* into)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Wide(rows, dimension, queries, into);
            return;
        }

        for (var row = 0; row < Rows; row += 4)
        {
            Narrow(rows + ((long)row * dimension), dimension, queries, into + (row * Queries));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide(float* rows, nint dimension, float* queries, float* into)
    {
        var (c0, c1, c2, c3) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
        var (c4, c5, c6, c7) = (c0, c0, c0, c0);
        var first = rows;
        var second = rows + (4 * dimension);
        for (nint k = 0; k < dimension; k++, first++, second++, queries += Queries)
        {
            var query = Vector512.Load(queries);
            c0 = Vector512.FusedMultiplyAdd(Vector512.Create(*first), query, c0);
            c1 = Vector512.FusedMultiplyAdd(Vector512.Create(first[dimension]), query, c1);
            c2 = Vector512.FusedMultiplyAdd(Vector512.Create(first[2 * dimension]), query, c2);
            c3 = Vector512.FusedMultiplyAdd(Vector512.Create(first[3 * dimension]), query, c3);
            c4 = Vector512.FusedMultiplyAdd(Vector512.Create(*second), query, c4);
            c5 = Vector512.FusedMultiplyAdd(Vector512.Create(second[dimension]), query, c5);
            c6 = Vector512.FusedMultiplyAdd(Vector512.Create(second[2 * dimension]), query, c6);
            c7 = Vector512.FusedMultiplyAdd(Vector512.Create(second[3 * dimension]), query, c7);
        }

        c0.Store(into);
        c1.Store(into + Queries);
        c2.Store(into + (2 * Queries));
        c3.Store(into + (3 * Queries));
        c4.Store(into + (4 * Queries));
        c5.Store(into + (5 * Queries));
        c6.Store(into + (6 * Queries));
        c7.Store(into + (7 * Queries));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow(float* row, nint dimension, float* queries, float* into)
    {
        var (c0, c1, c2, c3) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
        var (d0, d1, d2, d3) = (c0, c0, c0, c0);
        for (nint k = 0; k < dimension; k++, row++, queries += Queries)
        {
            var (left, right) = (Vector256.Load(queries), Vector256.Load(queries + 8));
            var a = Vector256.Create(*row);
            c0 = Vector256.FusedMultiplyAdd(a, left, c0);
            d0 = Vector256.FusedMultiplyAdd(a, right, d0);
            a = Vector256.Create(row[dimension]);
            c1 = Vector256.FusedMultiplyAdd(a, left, c1);
            d1 = Vector256.FusedMultiplyAdd(a, right, d1);
            a = Vector256.Create(row[2 * dimension]);
            c2 = Vector256.FusedMultiplyAdd(a, left, c2);
            d2 = Vector256.FusedMultiplyAdd(a, right, d2);
            a = Vector256.Create(row[3 * dimension]);
            c3 = Vector256.FusedMultiplyAdd(a, left, c3);
            d3 = Vector256.FusedMultiplyAdd(a, right, d3);
        }

        c0.Store(into);
        d0.Store(into + 8);
        c1.Store(into + Queries);
        d1.Store(into + Queries + 8);
        c2.Store(into + (2 * Queries));
        d2.Store(into + (2 * Queries) + 8);
        c3.Store(into + (3 * Queries));
        d3.Store(into + (3 * Queries) + 8);
    }
}
