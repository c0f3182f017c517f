using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CondEmbed.Search;

/// <summary>
/// Dot products of all rows of one panel with all rows of another. Each is the chain fma(a[D - 1], b[D - 1], ... fma(a[0], b[0], 0)), whatever panel and place the rows
/// have and however wide the processor's registers are: so equal rows have equal products to the last bit, a with b as b with a, and nothing has to be settled afterwards.
/// </summary>
/// <remarks>The sums stay in registers, as many as there are, while both panels stream by; a product is written once.</remarks>
internal static unsafe class PanelProduct
{
    private const int Width = PanelRows.Width;

    /// <summary>Numbers of a tile.</summary>
    internal const int TileLength = Width * Width;

    /// <summary>Whether this processor multiplies and adds in one instruction, eight numbers at a time or more.</summary>
    internal static bool IsSupported => Fma.IsSupported && Vector256.IsHardwareAccelerated;

    /// <summary>48 D, 48 D -> 48 48, the rows of the tile being those of the first.</summary>
    internal static void Tile(float* a, float* b, int dimension, float* into) => Tile(a, b, dimension, into, Vector512.IsHardwareAccelerated);

    /// <summary>The same with registers of 16 numbers, or of 8.</summary>
    internal static void Tile(float* a, float* b, int dimension, float* into, bool wide)
    {
        if (wide)
        {
            for (var row = 0; row < Width; row += 8)
            {
                Wide(a + row, b, dimension, into + (row * Width));
            }

            return;
        }

        for (var row = 0; row < Width; row += 4)
        {
            Narrow(a + row, b, dimension, into + (row * Width));
            Narrow(a + row, b + 24, dimension, into + (row * Width) + 24);
        }
    }

    /// <summary>The same product of two rows, one number after the other.</summary>
    internal static float Of(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var sum = 0f;
        for (var k = 0; k < a.Length; k++)
        {
            sum = MathF.FusedMultiplyAdd(a[k], b[k], sum);
        }

        return sum;
    }

    // 8 rows of 48 products: 24 of the 32 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide(float* a, float* b, int dimension, float* into)
    {
        var zero = Vector512<float>.Zero;
        var (c00, c01, c02) = (zero, zero, zero);
        var (c10, c11, c12) = (zero, zero, zero);
        var (c20, c21, c22) = (zero, zero, zero);
        var (c30, c31, c32) = (zero, zero, zero);
        var (c40, c41, c42) = (zero, zero, zero);
        var (c50, c51, c52) = (zero, zero, zero);
        var (c60, c61, c62) = (zero, zero, zero);
        var (c70, c71, c72) = (zero, zero, zero);
        for (var k = 0; k < dimension; k++, a += Width, b += Width)
        {
            var (b0, b1, b2) = (Vector512.Load(b), Vector512.Load(b + 16), Vector512.Load(b + 32));
            var a0 = Vector512.Create(a[0]);
            c00 = Vector512.FusedMultiplyAdd(a0, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(a0, b1, c01);
            c02 = Vector512.FusedMultiplyAdd(a0, b2, c02);
            var a1 = Vector512.Create(a[1]);
            c10 = Vector512.FusedMultiplyAdd(a1, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(a1, b1, c11);
            c12 = Vector512.FusedMultiplyAdd(a1, b2, c12);
            var a2 = Vector512.Create(a[2]);
            c20 = Vector512.FusedMultiplyAdd(a2, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(a2, b1, c21);
            c22 = Vector512.FusedMultiplyAdd(a2, b2, c22);
            var a3 = Vector512.Create(a[3]);
            c30 = Vector512.FusedMultiplyAdd(a3, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(a3, b1, c31);
            c32 = Vector512.FusedMultiplyAdd(a3, b2, c32);
            var a4 = Vector512.Create(a[4]);
            c40 = Vector512.FusedMultiplyAdd(a4, b0, c40);
            c41 = Vector512.FusedMultiplyAdd(a4, b1, c41);
            c42 = Vector512.FusedMultiplyAdd(a4, b2, c42);
            var a5 = Vector512.Create(a[5]);
            c50 = Vector512.FusedMultiplyAdd(a5, b0, c50);
            c51 = Vector512.FusedMultiplyAdd(a5, b1, c51);
            c52 = Vector512.FusedMultiplyAdd(a5, b2, c52);
            var a6 = Vector512.Create(a[6]);
            c60 = Vector512.FusedMultiplyAdd(a6, b0, c60);
            c61 = Vector512.FusedMultiplyAdd(a6, b1, c61);
            c62 = Vector512.FusedMultiplyAdd(a6, b2, c62);
            var a7 = Vector512.Create(a[7]);
            c70 = Vector512.FusedMultiplyAdd(a7, b0, c70);
            c71 = Vector512.FusedMultiplyAdd(a7, b1, c71);
            c72 = Vector512.FusedMultiplyAdd(a7, b2, c72);
        }

        Put(into, c00, c01, c02);
        Put(into + Width, c10, c11, c12);
        Put(into + (2 * Width), c20, c21, c22);
        Put(into + (3 * Width), c30, c31, c32);
        Put(into + (4 * Width), c40, c41, c42);
        Put(into + (5 * Width), c50, c51, c52);
        Put(into + (6 * Width), c60, c61, c62);
        Put(into + (7 * Width), c70, c71, c72);
    }

    // 4 rows of 24 products: 12 of the 16 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow(float* a, float* b, int dimension, float* into)
    {
        var zero = Vector256<float>.Zero;
        var (c00, c01, c02) = (zero, zero, zero);
        var (c10, c11, c12) = (zero, zero, zero);
        var (c20, c21, c22) = (zero, zero, zero);
        var (c30, c31, c32) = (zero, zero, zero);
        for (var k = 0; k < dimension; k++, a += Width, b += Width)
        {
            var (b0, b1, b2) = (Vector256.Load(b), Vector256.Load(b + 8), Vector256.Load(b + 16));
            var a0 = Vector256.Create(a[0]);
            c00 = Vector256.FusedMultiplyAdd(a0, b0, c00);
            c01 = Vector256.FusedMultiplyAdd(a0, b1, c01);
            c02 = Vector256.FusedMultiplyAdd(a0, b2, c02);
            var a1 = Vector256.Create(a[1]);
            c10 = Vector256.FusedMultiplyAdd(a1, b0, c10);
            c11 = Vector256.FusedMultiplyAdd(a1, b1, c11);
            c12 = Vector256.FusedMultiplyAdd(a1, b2, c12);
            var a2 = Vector256.Create(a[2]);
            c20 = Vector256.FusedMultiplyAdd(a2, b0, c20);
            c21 = Vector256.FusedMultiplyAdd(a2, b1, c21);
            c22 = Vector256.FusedMultiplyAdd(a2, b2, c22);
            var a3 = Vector256.Create(a[3]);
            c30 = Vector256.FusedMultiplyAdd(a3, b0, c30);
            c31 = Vector256.FusedMultiplyAdd(a3, b1, c31);
            c32 = Vector256.FusedMultiplyAdd(a3, b2, c32);
        }

        Put(into, c00, c01, c02);
        Put(into + Width, c10, c11, c12);
        Put(into + (2 * Width), c20, c21, c22);
        Put(into + (3 * Width), c30, c31, c32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(float* into, Vector512<float> a, Vector512<float> b, Vector512<float> c)
    {
        a.Store(into);
        b.Store(into + 16);
        c.Store(into + 32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(float* into, Vector256<float> a, Vector256<float> b, Vector256<float> c)
    {
        a.Store(into);
        b.Store(into + 8);
        c.Store(into + 16);
    }
}
