using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CondEmbed.Images;

/// <summary>
/// The two passes of the resampler on vectors. Sums are exact integers, so the order of the additions, and with it the width of
/// the vectors, cannot change a result.
/// </summary>
internal static class ResampleKernels
{
    /// <summary>Bytes that <see cref="Rows"/> may overwrite after its last pixel.</summary>
    internal const int Spill = 4;

    private const int Half = 1 << (ResampleWeights.Bits - 1);

    // Two packed pixels take 6 bytes and are read by one 8-byte load.
    private const int PairLoad = 8;

    private static readonly Vector128<byte> Spread =
        Vector128.Create((byte)0, 1, 2, 0xFF, 3, 4, 5, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF);

    /// <summary>Source rows first .. end-1, each shortened or stretched to columns.Count pixels, packed one after another.</summary>
    internal static void Rows(PixelView source, int first, int end, ResampleWeights columns, Span<byte> target)
    {
        if (Avx2.IsSupported)
            EachRow(source, first, end, columns, columns.Rows.Beyond * 3 + ResampleRows.Slack, columns.Rows.Row, target);
        else
            RowsByPairs(source, first, end, columns, target);
    }

    /// <summary>The same without multiplications that only some machines have.</summary>
    internal static void RowsByPairs(PixelView source, int first, int end, ResampleWeights columns, Span<byte> target) =>
        EachRow(source, first, end, columns, columns.Stride * 3 + PairLoad, (row, into) => Row(row, columns, into), target);

    private static void EachRow(
        PixelView source, int first, int end, ResampleWeights columns, int beyond, Action<ReadOnlySpan<byte>, Span<byte>> shrink, Span<byte> target)
    {
        var used = Math.Min(columns.End, source.Width) - columns.First;
        byte[]? padded = null;
        for (var y = first; y < end; y++)
            shrink(Padded(source.Onwards(columns.First, y), used, used * 3 + beyond, ref padded), target[((y - first) * columns.Count * 3)..]);

        if (padded is not null)
            ArrayPool<byte>.Shared.Return(padded);
    }

    // Weights are rounded up to pairs or more, and loads to vectors: at the end of the buffer the row is copied to where that is safe.
    private static ReadOnlySpan<byte> Padded(ReadOnlySpan<byte> row, int used, int safe, ref byte[]? padded)
    {
        if (row.Length >= safe)
            return row;
        padded ??= ArrayPool<byte>.Shared.Rent(safe);
        row[..(used * 3)].CopyTo(padded);
        return padded;
    }

    private static void Row(ReadOnlySpan<byte> row, ResampleWeights columns, Span<byte> target)
    {
        ref var from = ref MemoryMarshal.GetReference(row);
        ref var to = ref MemoryMarshal.GetReference(target);
        ref var weight = ref MemoryMarshal.GetReference(columns.Values);
        var starts = columns.Starts;
        for (var x = 0; x < starts.Length; x++)
        {
            ref var pixel = ref Unsafe.Add(ref from, (starts[x] - columns.First) * 3);
            var sum = Vector256<int>.Zero;
            for (var k = 0; k < columns.Stride; k += 2)
            {
                var pair = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref pixel, k * 3));
                var weights = Vector256.Create(Vector128.Create(Unsafe.Add(ref weight, k)), Vector128.Create(Unsafe.Add(ref weight, k + 1)));
                sum += Widen(Vector128.Shuffle(Vector128.CreateScalar(pair).AsByte(), Spread)) * weights;
            }

            var rgb = Clip(sum.GetLower() + sum.GetUpper() + Vector128.Create(Half));
            var bytes = Vector128.Narrow(Vector128.Narrow(rgb, rgb), Vector128<short>.Zero).AsUInt32();
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref to, x * 3), bytes.ToScalar());
            weight = ref Unsafe.Add(ref weight, columns.Stride);
        }
    }

    /// <summary>Combines rows of the source, whose first is input row rows.First, into rows.Count rows of length bytes.</summary>
    internal static void Columns(ReadOnlySpan<byte> source, int stride, ResampleWeights rows, int length, Span<byte> target)
    {
        for (var y = 0; y < rows.Count; y++)
        {
            var weights = rows.Values.Slice(y * rows.Stride, rows.Stride);
            var taps = Math.Max(weights.LastIndexOfAnyExcept(0) + 1, 1);
            Column(source[((rows.Starts[y] - rows.First) * stride)..], stride, weights[..taps], target.Slice(y * length, length));
        }
    }

    private static void Column(ReadOnlySpan<byte> source, int stride, ReadOnlySpan<int> weights, Span<byte> target)
    {
        if (weights is [1 << ResampleWeights.Bits])
        {
            source[..target.Length].CopyTo(target);
            return;
        }

        ref var to = ref MemoryMarshal.GetReference(target);
        var x = 0;
        for (; x <= target.Length - 16; x += 16)
            Sixteen(source, x, stride, weights).StoreUnsafe(ref to, (nuint)x);
        if (x == target.Length)
            return;
        if (target.Length >= 16)
            Sixteen(source, target.Length - 16, stride, weights).StoreUnsafe(ref to, (nuint)(target.Length - 16));
        else
            for (; x < target.Length; x++)
                target[x] = One(source, x, stride, weights);
    }

    private static Vector128<byte> Sixteen(ReadOnlySpan<byte> source, int x, int stride, ReadOnlySpan<int> weights)
    {
        // One bounds check instead of one per tap: the last load reaches farthest.
        _ = source.Slice((weights.Length - 1) * stride + x, 16);
        ref var from = ref Unsafe.Add(ref MemoryMarshal.GetReference(source), x);
        if (Avx512BW.IsSupported)
            return Sixteen(ref from, stride, weights);
        var low = Vector256.Create(Half);
        var high = low;
        for (var k = 0; k < weights.Length; k++)
        {
            var bytes = Vector128.LoadUnsafe(ref from, (nuint)(k * stride));
            var weight = Vector256.Create(weights[k]);
            low += Widen(bytes) * weight;
            high += Widen(Vector128.Create(bytes.GetUpper(), Vector64<byte>.Zero)) * weight;
        }

        var words = Vector256.Narrow(Clip(low), Clip(high));
        return Vector128.Narrow(words.GetLower(), words.GetUpper()).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Sixteen(ref byte from, int stride, ReadOnlySpan<int> weights)
    {
        var sum = Vector512.Create(Half);
        for (var k = 0; k < weights.Length; k++)
            sum += Avx512F.ConvertToVector512Int32(Vector128.LoadUnsafe(ref from, (nuint)(k * stride))) * Vector512.Create(weights[k]);
        return Avx512F.ConvertToVector128ByteWithSaturation(Vector512.Max(sum >> ResampleWeights.Bits, Vector512<int>.Zero).AsUInt32());
    }

    private static byte One(ReadOnlySpan<byte> source, int x, int stride, ReadOnlySpan<int> weights)
    {
        var sum = Half;
        for (var k = 0; k < weights.Length; k++)
            sum += source[k * stride + x] * weights[k];
        return (byte)Math.Clamp(sum >> ResampleWeights.Bits, 0, 255);
    }

    /// <summary>The lower 8 bytes as 32-bit numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Widen(Vector128<byte> bytes)
    {
        if (Avx2.IsSupported)
            return Avx2.ConvertToVector256Int32(bytes);
        var words = Vector128.WidenLower(bytes);
        return Vector256.Create(Vector128.WidenLower(words), Vector128.WidenUpper(words)).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Clip(Vector256<int> sums) =>
        Vector256.Min(Vector256.Max(sums >> ResampleWeights.Bits, Vector256<int>.Zero), Vector256.Create(255));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Clip(Vector128<int> sums) =>
        Vector128.Min(Vector128.Max(sums >> ResampleWeights.Bits, Vector128<int>.Zero), Vector128.Create(255));
}
