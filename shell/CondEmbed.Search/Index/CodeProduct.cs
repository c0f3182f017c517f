using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CondEmbed.Search;

/// <summary>Dot products of the codes of 16 rows with the codes of queries, in whole numbers.</summary>
internal static unsafe class CodeProduct
{
    private const int Rows = RowCodes.Rows;

    /// <summary>Queries that are served by one reading of the codes.</summary>
    internal const int Queries = 8;

    /// <summary>Whether this processor can multiply integers in pairs.</summary>
    internal static bool IsSupported => Avx2.IsSupported;

    /// <summary>One query: P pairs of 16-bit numbers -> 16.</summary>
    internal static void Of(byte* codes, int pairs, int* query, int* into)
    {
        if (Avx512BW.IsSupported && Vector512.IsHardwareAccelerated)
        {
            WideOne(codes, pairs, query, into);
            return;
        }

        NarrowOne(codes, pairs, query, into);
        NarrowOne(codes + Rows, pairs, query, into + 8);
    }

    /// <summary>Eight queries, P 8 pairs of 16-bit numbers -> 8 16.</summary>
    internal static void OfEight(byte* codes, int pairs, int* queries, int* into)
    {
        if (Avx512BW.IsSupported && Vector512.IsHardwareAccelerated)
        {
            WideEight(codes, pairs, queries, into);
            return;
        }

        NarrowEight(codes, pairs, queries, into);
        NarrowEight(codes + Rows, pairs, queries, into + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WideOne(byte* codes, nint pairs, int* query, int* into)
    {
        var (even, odd) = (Vector512<int>.Zero, Vector512<int>.Zero);
        nint k = 0;
        for (; k < pairs - 1; k += 2, codes += 4 * Rows)
        {
            even += Avx512BW.MultiplyAddAdjacent(Avx512BW.ConvertToVector512Int16(Vector256.Load((sbyte*)codes)), Vector512.Create(query[k]).AsInt16());
            odd += Avx512BW.MultiplyAddAdjacent(Avx512BW.ConvertToVector512Int16(Vector256.Load((sbyte*)codes + (2 * Rows))), Vector512.Create(query[k + 1]).AsInt16());
        }

        for (; k < pairs; k++)
        {
            even += Avx512BW.MultiplyAddAdjacent(Avx512BW.ConvertToVector512Int16(Vector256.Load((sbyte*)codes)), Vector512.Create(query[k]).AsInt16());
        }

        (even + odd).Store(into);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void NarrowOne(byte* codes, nint pairs, int* query, int* into)
    {
        var sum = Vector256<int>.Zero;
        for (nint k = 0; k < pairs; k++, codes += 2 * Rows)
        {
            sum += Avx2.MultiplyAddAdjacent(Avx2.ConvertToVector256Int16(Vector128.Load((sbyte*)codes)), Vector256.Create(query[k]).AsInt16());
        }

        sum.Store(into);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WideEight(byte* codes, nint pairs, int* queries, int* into)
    {
        var (c0, c1, c2, c3) = (Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero);
        var (c4, c5, c6, c7) = (c0, c0, c0, c0);
        for (nint k = 0; k < pairs; k++, codes += 2 * Rows, queries += Queries)
        {
            var row = Avx512BW.ConvertToVector512Int16(Vector256.Load((sbyte*)codes));
            c0 += Avx512BW.MultiplyAddAdjacent(row, Vector512.Create(queries[0]).AsInt16());
            c1 += Avx512BW.MultiplyAddAdjacent(row, Vector512.Create(queries[1]).AsInt16());
            c2 += Avx512BW.MultiplyAddAdjacent(row, Vector512.Create(queries[2]).AsInt16());
            c3 += Avx512BW.MultiplyAddAdjacent(row, Vector512.Create(queries[3]).AsInt16());
            c4 += Avx512BW.MultiplyAddAdjacent(row, Vector512.Create(queries[4]).AsInt16());
            c5 += Avx512BW.MultiplyAddAdjacent(row, Vector512.Create(queries[5]).AsInt16());
            c6 += Avx512BW.MultiplyAddAdjacent(row, Vector512.Create(queries[6]).AsInt16());
            c7 += Avx512BW.MultiplyAddAdjacent(row, Vector512.Create(queries[7]).AsInt16());
        }

        c0.Store(into);
        c1.Store(into + Rows);
        c2.Store(into + (2 * Rows));
        c3.Store(into + (3 * Rows));
        c4.Store(into + (4 * Rows));
        c5.Store(into + (5 * Rows));
        c6.Store(into + (6 * Rows));
        c7.Store(into + (7 * Rows));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void NarrowEight(byte* codes, nint pairs, int* queries, int* into)
    {
        var (c0, c1, c2, c3) = (Vector256<int>.Zero, Vector256<int>.Zero, Vector256<int>.Zero, Vector256<int>.Zero);
        var (c4, c5, c6, c7) = (c0, c0, c0, c0);
        for (nint k = 0; k < pairs; k++, codes += 2 * Rows, queries += Queries)
        {
            var row = Avx2.ConvertToVector256Int16(Vector128.Load((sbyte*)codes));
            c0 += Avx2.MultiplyAddAdjacent(row, Vector256.Create(queries[0]).AsInt16());
            c1 += Avx2.MultiplyAddAdjacent(row, Vector256.Create(queries[1]).AsInt16());
            c2 += Avx2.MultiplyAddAdjacent(row, Vector256.Create(queries[2]).AsInt16());
            c3 += Avx2.MultiplyAddAdjacent(row, Vector256.Create(queries[3]).AsInt16());
            c4 += Avx2.MultiplyAddAdjacent(row, Vector256.Create(queries[4]).AsInt16());
            c5 += Avx2.MultiplyAddAdjacent(row, Vector256.Create(queries[5]).AsInt16());
            c6 += Avx2.MultiplyAddAdjacent(row, Vector256.Create(queries[6]).AsInt16());
            c7 += Avx2.MultiplyAddAdjacent(row, Vector256.Create(queries[7]).AsInt16());
        }

        c0.Store(into);
        c1.Store(into + Rows);
        c2.Store(into + (2 * Rows));
        c3.Store(into + (3 * Rows));
        c4.Store(into + (4 * Rows));
        c5.Store(into + (5 * Rows));
        c6.Store(into + (6 * Rows));
        c7.Store(into + (7 * Rows));
    }
}
