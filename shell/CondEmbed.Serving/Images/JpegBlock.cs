using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CondEmbed.Images;

/// <summary>
/// The inverse cosine transform of a block, in the whole numbers of libjpeg's jidctint.c (Loeffler, Ligtenberg and Moschytz, "Practical fast 1-D DCT algorithms
/// with 11 multiplications", 1989), so that the pixels are the same to the bit. A vector holds eight
/// numbers of a row or a column.
/// </summary>
internal static unsafe class JpegBlock
{
    private const int ConstBits = 13;
    private const int PassBits = 2;

    // libjpeg looks pixels up by their lowest ten bits: what overshoots further than sound pictures do comes out at the other end.
    private const int Unused = 32 - 10;

    // Four columns of four rows become four rows.
    private static readonly Vector256<byte> Turned = Vector256.Create(Vector128.Create((byte)0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));

    /// <summary>Where the coefficients of the zigzag stand in the block.</summary>
    internal static ReadOnlySpan<byte> Places =>
    [
        0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
        35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63
    ];

    /// <summary>A block with a first coefficient alone: 8 8 equal pixels.</summary>
    internal static void Flat(int first, byte* target, nint stride)
    {
        var value = (byte)Math.Clamp(((((first + 4) >> 3) << Unused) >> Unused) + 128, 0, 255);
        var row = value * 0x0101010101010101UL;
        for (var y = 0; y < 8; y++)
            Unsafe.WriteUnaligned(target + y * stride, row);
    }

    /// <summary>8 8 coefficients -> 8 8 pixels, rows <paramref name="stride"/> bytes apart.</summary>
    internal static void Transform(int* block, byte* target, nint stride)
    {
        var (r0, r1, r2, r3) = (Vector256.Load(block), Vector256.Load(block + 8), Vector256.Load(block + 16), Vector256.Load(block + 24));
        var (r4, r5, r6, r7) = (Vector256.Load(block + 32), Vector256.Load(block + 40), Vector256.Load(block + 48), Vector256.Load(block + 56));
        Pass(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7, ConstBits - PassBits);
        Transpose(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7);
        Pass(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7, ConstBits + PassBits + 3);
        Store(Narrow(r0, r1, r2, r3), Narrow(r4, r5, r6, r7), target, stride);
    }

    // Four columns -> the upper four rows of them, and the lower four.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Narrow(Vector256<int> c0, Vector256<int> c1, Vector256<int> c2, Vector256<int> c3)
    {
        var middle = Vector256.Create((short)128);
        (c0, c1, c2, c3) = ((c0 << Unused) >> Unused, (c1 << Unused) >> Unused, (c2 << Unused) >> Unused, (c3 << Unused) >> Unused);
        var bytes = Avx2.PackUnsignedSaturate(Avx2.PackSignedSaturate(c0, c1) + middle, Avx2.PackSignedSaturate(c2, c3) + middle);
        return Avx2.Shuffle(bytes, Turned).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<int> left, Vector256<int> right, byte* target, nint stride)
    {
        var low = Avx2.UnpackLow(left, right).AsUInt64();
        var high = Avx2.UnpackHigh(left, right).AsUInt64();
        Unsafe.WriteUnaligned(target, low.GetElement(0));
        Unsafe.WriteUnaligned(target + stride, low.GetElement(1));
        Unsafe.WriteUnaligned(target + 2 * stride, high.GetElement(0));
        Unsafe.WriteUnaligned(target + 3 * stride, high.GetElement(1));
        Unsafe.WriteUnaligned(target + 4 * stride, low.GetElement(2));
        Unsafe.WriteUnaligned(target + 5 * stride, low.GetElement(3));
        Unsafe.WriteUnaligned(target + 6 * stride, high.GetElement(2));
        Unsafe.WriteUnaligned(target + 7 * stride, high.GetElement(3));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Pass(
        ref Vector256<int> r0, ref Vector256<int> r1, ref Vector256<int> r2, ref Vector256<int> r3,
        ref Vector256<int> r4, ref Vector256<int> r5, ref Vector256<int> r6, ref Vector256<int> r7, int shift)
    {
        var round = Vector256.Create(1 << (shift - 1));
        var z1 = (r2 + r6) * 4433;
        var e2 = z1 - r6 * 15137;
        var e3 = z1 + r2 * 6270;
        var e0 = ((r0 + r4) << ConstBits) + round;
        var e1 = ((r0 - r4) << ConstBits) + round;
        var (t10, t13, t11, t12) = (e0 + e3, e0 - e3, e1 + e2, e1 - e2);

        var z5 = (r7 + r3 + r5 + r1) * 9633;
        var z3 = z5 - (r7 + r3) * 16069;
        var z4 = z5 - (r5 + r1) * 3196;
        var y1 = (r7 + r1) * 7373;
        var y2 = (r5 + r3) * 20995;
        var o0 = r7 * 2446 - y1 + z3;
        var o1 = r5 * 16819 - y2 + z4;
        var o2 = r3 * 25172 - y2 + z3;
        var o3 = r1 * 12299 - y1 + z4;

        r0 = (t10 + o3) >> shift;
        r7 = (t10 - o3) >> shift;
        r1 = (t11 + o2) >> shift;
        r6 = (t11 - o2) >> shift;
        r2 = (t12 + o1) >> shift;
        r5 = (t12 - o1) >> shift;
        r3 = (t13 + o0) >> shift;
        r4 = (t13 - o0) >> shift;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(
        ref Vector256<int> r0, ref Vector256<int> r1, ref Vector256<int> r2, ref Vector256<int> r3,
        ref Vector256<int> r4, ref Vector256<int> r5, ref Vector256<int> r6, ref Vector256<int> r7)
    {
        var (a0, a1, a2, a3) = Half(r0, r1, r2, r3);
        var (b0, b1, b2, b3) = Half(r4, r5, r6, r7);
        (r0, r4) = (Avx2.Permute2x128(a0, b0, 0x20), Avx2.Permute2x128(a0, b0, 0x31));
        (r1, r5) = (Avx2.Permute2x128(a1, b1, 0x20), Avx2.Permute2x128(a1, b1, 0x31));
        (r2, r6) = (Avx2.Permute2x128(a2, b2, 0x20), Avx2.Permute2x128(a2, b2, 0x31));
        (r3, r7) = (Avx2.Permute2x128(a3, b3, 0x20), Avx2.Permute2x128(a3, b3, 0x31));
    }

    // Four rows of eight -> columns 0 and 4, 1 and 5, 2 and 6, 3 and 7 of the four.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<int>, Vector256<int>, Vector256<int>, Vector256<int>) Half(
        Vector256<int> r0, Vector256<int> r1, Vector256<int> r2, Vector256<int> r3)
    {
        var (low, high) = (Avx2.UnpackLow(r0, r1).AsInt64(), Avx2.UnpackHigh(r0, r1).AsInt64());
        var (low2, high2) = (Avx2.UnpackLow(r2, r3).AsInt64(), Avx2.UnpackHigh(r2, r3).AsInt64());
        return (
            Avx2.UnpackLow(low, low2).AsInt32(), Avx2.UnpackHigh(low, low2).AsInt32(),
            Avx2.UnpackLow(high, high2).AsInt32(), Avx2.UnpackHigh(high, high2).AsInt32());
    }
}
