using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CondEmbed.Images;

/// <summary>
/// Colours of a row: chroma interpolated as libjpeg's "fancy upsampling" does (jdsample.c: three parts of the nearer sample, one of the farther), and YCbCr to
/// RGB in its 16-bit fixed point (jdcolor.c), both equal to the bit.
/// </summary>
internal static class JpegRows
{
    private static readonly Vector128<byte>[] Red = Places(0);
    private static readonly Vector128<byte>[] Green = Places(1);
    private static readonly Vector128<byte>[] Blue = Places(2);

    /// <summary>What a row of chroma is interpolated from: one row as it is, or, times four, this row and the other that is next to it.</summary>
    /// <param name="near">Samples.</param>
    /// <param name="far">As many samples of the other row; empty where rows are not interpolated.</param>
    /// <param name="sums">As many sums, after one more and before one more: the ends are repeated.</param>
    internal static void Sum(ReadOnlySpan<byte> near, ReadOnlySpan<byte> far, Span<short> sums)
    {
        var inner = sums.Slice(1, near.Length);
        var x = 0;
        ref var one = ref MemoryMarshal.GetReference(near);
        ref var other = ref MemoryMarshal.GetReference(far);
        for (; x + 16 <= near.Length; x += 16)
        {
            var sum = Avx2.ConvertToVector256Int16(Vector128.LoadUnsafe(ref one, (nuint)x));
            if (!far.IsEmpty)
                sum += sum + sum + Avx2.ConvertToVector256Int16(Vector128.LoadUnsafe(ref other, (nuint)x));
            sum.CopyTo(inner[x..]);
        }

        for (; x < near.Length; x++)
            inner[x] = (short)(far.IsEmpty ? near[x] : 3 * near[x] + far[x]);
        sums[0] = sums[1];
        sums[near.Length + 1] = sums[near.Length];
    }

    /// <summary>n sums and one more on either side -> 2n samples of a row; it may write 32 bytes more.</summary>
    /// <param name="sums">As <see cref="Sum"/> makes them.</param>
    /// <param name="isOfTwo">Whether they are of two rows.</param>
    /// <param name="row">The samples.</param>
    internal static void Widen(ReadOnlySpan<short> sums, bool isOfTwo, Span<byte> row)
    {
        var (left, right, shift) = isOfTwo ? (8, 7, 4) : (1, 2, 2);
        var (even, odd) = (Vector256.Create((short)left), Vector256.Create((short)right));
        ref var from = ref MemoryMarshal.GetReference(sums);
        ref var to = ref Unsafe.As<byte, short>(ref MemoryMarshal.GetReference(row));
        for (var x = 0; x < sums.Length - 2; x += 16)
        {
            var middle = Vector256.LoadUnsafe(ref from, (nuint)x + 1);
            var three = middle + middle + middle;
            var low = (three + Vector256.LoadUnsafe(ref from, (nuint)x) + even) >> shift;
            var high = (three + Vector256.LoadUnsafe(ref from, (nuint)x + 2) + odd) >> shift;
            (low | (high << 8)).StoreUnsafe(ref to, (nuint)x);
        }
    }

    /// <summary>Three rows of n samples -> n pixels of RGB. Reads up to 15 samples more, and writes up to 47 bytes more.</summary>
    internal static void ToRgb(ReadOnlySpan<byte> y, ReadOnlySpan<byte> blue, ReadOnlySpan<byte> red, int count, Span<byte> rgb)
    {
        ref var ys = ref MemoryMarshal.GetReference(y);
        ref var blues = ref MemoryMarshal.GetReference(blue);
        ref var reds = ref MemoryMarshal.GetReference(red);
        ref var to = ref MemoryMarshal.GetReference(rgb);
        var (middle, one) = (Vector256.Create((short)128), Vector256<short>.One);
        // R = Y + 1.402 Cr, G = Y - 0.34414 Cb - 0.71414 Cr, B = Y + 1.772 Cb, as 1 + 0.402, -1 + 0.28586 and 2 - 0.228, which fit into 16 bits.
        var (forRed, forBlue) = (Vector256.Create((short)26345), Vector256.Create((short)-14942));
        var forGreen = Vector256.Create(-22554 & 0xFFFF | 18734 << 16).AsInt16();
        var half = Vector256.Create(1 << 15);
        for (var x = 0; x < count; x += 16)
        {
            var light = Avx2.ConvertToVector256Int16(Vector128.LoadUnsafe(ref ys, (nuint)x));
            var cb = Avx2.ConvertToVector256Int16(Vector128.LoadUnsafe(ref blues, (nuint)x)) - middle;
            var cr = Avx2.ConvertToVector256Int16(Vector128.LoadUnsafe(ref reds, (nuint)x)) - middle;
            var r = light + cr + ((Avx2.MultiplyHigh(cr + cr, forRed) + one) >> 1);
            var b = light + cb + cb + ((Avx2.MultiplyHigh(cb + cb, forBlue) + one) >> 1);
            var low = (Avx2.MultiplyAddAdjacent(Avx2.UnpackLow(cb, cr), forGreen) + half) >> 16;
            var high = (Avx2.MultiplyAddAdjacent(Avx2.UnpackHigh(cb, cr), forGreen) + half) >> 16;
            var g = light - cr + Avx2.PackSignedSaturate(low, high);
            Interleave(Bytes(r), Bytes(g), Bytes(b), ref Unsafe.Add(ref to, x * 3));
        }
    }

    /// <summary>n samples -> n grey pixels of RGB. Reads up to 15 samples more, and writes up to 47 bytes more.</summary>
    internal static void ToGrey(ReadOnlySpan<byte> y, int count, Span<byte> rgb)
    {
        for (var x = 0; x < count; x += 16)
        {
            var light = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(y), (nuint)x);
            Interleave(light, light, light, ref Unsafe.Add(ref MemoryMarshal.GetReference(rgb), x * 3));
        }
    }

    private static Vector128<byte> Bytes(Vector256<short> colour) => Sse2.PackUnsignedSaturate(colour.GetLower(), colour.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Interleave(Vector128<byte> red, Vector128<byte> green, Vector128<byte> blue, ref byte to)
    {
        for (var part = 0; part < 3; part++)
        {
            var bytes = Ssse3.Shuffle(red, Red[part]) | Ssse3.Shuffle(green, Green[part]) | Ssse3.Shuffle(blue, Blue[part]);
            bytes.StoreUnsafe(ref to, (nuint)(16 * part));
        }
    }

    /// <summary>For each third of 48 bytes which of 16 samples of a channel comes where; none where another channel does.</summary>
    private static Vector128<byte>[] Places(int channel)
    {
        var places = new byte[48];
        for (var i = 0; i < 48; i++)
            places[i] = i % 3 == channel ? (byte)(i / 3) : (byte)0x80;
        return [Vector128.Create(places, 0), Vector128.Create(places, 16), Vector128.Create(places, 32)];
    }
}
