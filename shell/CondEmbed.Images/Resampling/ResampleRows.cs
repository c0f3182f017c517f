using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CondEmbed.Images;

/// <summary>
/// The resampler's pass over rows by multiplications of 16 bits, two to a sum of 32: a weight of 22 bits is taken as an upper and a lower half, whose sums are
/// put together in the end. These are the same whole numbers as those of one multiplication of 32 bits.
/// </summary>
internal sealed class ResampleRows
{
    /// <summary>Taps that are taken at a time.</summary>
    internal const int Group = 4;

    // Vectors are 16 bytes, of which four pixels take 12.
    internal const int Slack = 16;

    private const int LowBits = 12;
    private const int Half = 1 << (ResampleWeights.Bits - 1);

    // Of four pixels the first two in the lower half and the others in the upper one, as pairs of each colour in 16 bits.
    private static readonly Vector256<byte> Pairs = Vector256.Create(
        (byte)0, 0x80, 3, 0x80, 1, 0x80, 4, 0x80, 2, 0x80, 5, 0x80, 0x80, 0x80, 0x80, 0x80,
        6, 0x80, 9, 0x80, 7, 0x80, 10, 0x80, 8, 0x80, 11, 0x80, 0x80, 0x80, 0x80, 0x80);

    // The same of two pixels each for two outputs.
    private static readonly Vector256<byte> TwoPairs =
        Vector256.Create(Vector128.Create((byte)0, 0x80, 3, 0x80, 1, 0x80, 4, 0x80, 2, 0x80, 5, 0x80, 0x80, 0x80, 0x80, 0x80));

    private static readonly Vector128<byte> DropFourth =
        Vector128.Create((byte)0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0x80, 0x80, 0x80, 0x80);

    private readonly int[] offsets;
    private readonly int[] weights;
    private readonly int groups;
    private readonly int count;
    private readonly bool isOfTwo;

    /// <summary>Sorts the weights of a pass for vectors.</summary>
    internal ResampleRows(ResampleWeights columns)
    {
        count = columns.Count;
        groups = (columns.Taps + Group - 1) / Group;
        isOfTwo = columns.Taps <= 2;
        offsets = new int[count + 1];
        weights = new int[(count + 1) * groups * 16];
        for (var x = 0; x < count; x++)
        {
            offsets[x] = (columns.Starts[x] - columns.First) * 3;
            if (isOfTwo)
            {
                Put(x / 2 * 2, x % 2 * 4, columns.WeightOf(x, 0), columns.WeightOf(x, 1));
                continue;
            }

            for (var tap = 0; tap < groups * Group; tap += 2)
                Put(x * groups * 2 + tap / Group * 2, tap % Group * 2, columns.WeightOf(x, tap), columns.WeightOf(x, tap + 1));
        }
    }

    /// <summary>Pixels that must be there to be read after the last one that is used.</summary>
    internal int Beyond => groups * Group;

    /// <summary>One row from the first pixel that is used -> count pixels. It may write <see cref="ResampleKernels.Spill"/> bytes more.</summary>
    internal void Row(ReadOnlySpan<byte> row, Span<byte> target)
    {
        if (isOfTwo)
            RowOfTwo(row, target);
        else
            RowOfMore(row, target);
    }

    /// <summary>Two outputs in a vector, since neither has more than two taps: what stretches an image.</summary>
    private void RowOfTwo(ReadOnlySpan<byte> row, Span<byte> target)
    {
        ref var from = ref MemoryMarshal.GetReference(row);
        ref var to = ref MemoryMarshal.GetReference(target);
        ref var weight = ref MemoryMarshal.GetArrayDataReference(weights);
        var x = 0;
        for (; x + 4 <= count; x += 4)
        {
            var words = Avx2.PackSignedSaturate(Two(ref from, ref weight, x), Two(ref from, ref weight, x + 2));
            var bytes = Avx2.PackUnsignedSaturate(words, words).AsInt32();
            var four = Sse2.UnpackLow(bytes.GetLower(), bytes.GetUpper()).AsByte();
            Ssse3.Shuffle(four, DropFourth).StoreUnsafe(ref to, (nuint)(x * 3));
        }

        for (; x < count; x++)
        {
            var two = Two(ref from, ref weight, x & ~1);
            Write(x % 2 == 0 ? two.GetLower() : two.GetUpper(), ref Unsafe.Add(ref to, x * 3));
        }
    }

    /// <summary>Two pixels, not yet held within bytes; the first is at an even place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector256<int> Two(ref byte from, ref int weight, int x)
    {
        var one = Vector128.CreateScalar(Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref from, offsets[x])));
        var other = Vector128.CreateScalar(Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref from, offsets[x + 1])));
        var pairs = Avx2.Shuffle(Vector256.Create(one, other).AsByte(), TwoPairs).AsInt16();
        var high = Avx2.MultiplyAddAdjacent(pairs, Vector256.LoadUnsafe(ref weight, (nuint)(x * 8)).AsInt16());
        var low = Avx2.MultiplyAddAdjacent(pairs, Vector256.LoadUnsafe(ref weight, (nuint)(x * 8 + 8)).AsInt16());
        return ((high << LowBits) + low + Vector256.Create(Half)) >> ResampleWeights.Bits;
    }

    private static void Write(Vector128<int> pixel, ref byte to)
    {
        var words = Sse2.PackSignedSaturate(pixel, pixel);
        Unsafe.WriteUnaligned(ref to, Sse2.PackUnsignedSaturate(words, words).AsUInt32().ToScalar());
    }

    private void RowOfMore(ReadOnlySpan<byte> row, Span<byte> target)
    {
        ref var from = ref MemoryMarshal.GetReference(row);
        ref var to = ref MemoryMarshal.GetReference(target);
        ref var weight = ref MemoryMarshal.GetArrayDataReference(weights);
        var x = 0;
        for (; x + 4 <= count; x += 4)
        {
            var (a, b) = (Sum(ref from, ref weight, x), Sum(ref from, ref weight, x + 1));
            var (c, d) = (Sum(ref from, ref weight, x + 2), Sum(ref from, ref weight, x + 3));
            var bytes = Sse2.PackUnsignedSaturate(Sse2.PackSignedSaturate(a, b), Sse2.PackSignedSaturate(c, d));
            Ssse3.Shuffle(bytes, DropFourth).StoreUnsafe(ref to, (nuint)(x * 3));
        }

        for (; x < count; x++)
            Write(Sum(ref from, ref weight, x), ref Unsafe.Add(ref to, x * 3));
    }

    /// <summary>Red, green and blue of a pixel, not yet held within a byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector128<int> Sum(ref byte from, ref int weight, int x)
    {
        ref var pixel = ref Unsafe.Add(ref from, offsets[x]);
        ref var own = ref Unsafe.Add(ref weight, x * groups * 16);
        var (high, low) = (Vector256<int>.Zero, Vector256<int>.Zero);
        for (var group = 0; group < groups; group++)
        {
            var four = Vector128.LoadUnsafe(ref pixel, (nuint)(group * Group * 3));
            var pairs = Avx2.Shuffle(Vector256.Create(four, four), Pairs).AsInt16();
            high += Avx2.MultiplyAddAdjacent(pairs, Vector256.LoadUnsafe(ref own, (nuint)(group * 16)).AsInt16());
            low += Avx2.MultiplyAddAdjacent(pairs, Vector256.LoadUnsafe(ref own, (nuint)(group * 16 + 8)).AsInt16());
        }

        var sum = (high << LowBits) + low;
        return (sum.GetLower() + sum.GetUpper() + Vector128.Create(Half)) >> ResampleWeights.Bits;
    }

    /// <summary>The weights of two pixels for all colours, as upper and lower halves.</summary>
    private void Put(int vector, int place, int one, int two)
    {
        var high = ((one >> LowBits) & 0xFFFF) | ((two >> LowBits) << 16);
        var low = (one & ((1 << LowBits) - 1)) | ((two & ((1 << LowBits) - 1)) << 16);
        weights.AsSpan(vector * 8 + place, 4).Fill(high);
        weights.AsSpan((vector + 1) * 8 + place, 4).Fill(low);
    }
}
