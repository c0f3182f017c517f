using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace CondEmbed.Images;

/// <summary>
/// Reads Huffman codes of one stretch between markers, from which the zeros after 0xFF are gone already. It may look past the end: so many bytes as
/// <see cref="Margin"/> must be there to be read, and <see cref="IsPast"/> tells.
/// </summary>
internal unsafe struct JpegBits(byte* start, int length)
{
    /// <summary>More than the codes of one MCU can take.</summary>
    internal const int Margin = 4096;

    // Sound pictures stay far below this, and up to here the first pass of the transform fits into 32 bits.
    private const int MostOfSound = 1 << 14;

    private readonly byte* end = start + length;
    private byte* at = start;
    private ulong bits;
    private int count;

    /// <summary>Whether more was read than there was.</summary>
    internal readonly bool IsPast => at - (count >> 3) > end;

    /// <summary>Reads a block into its places, each coefficient times its step.</summary>
    /// <param name="component">Its tables.</param>
    /// <param name="steps">64 steps in zigzag order.</param>
    /// <param name="first">The first coefficient of the block before, and then of this one.</param>
    /// <param name="block">64 zeros.</param>
    /// <returns>The place in zigzag order of the last coefficient; -1 where the codes make no sense, or where 32 bits may not do for the transform.</returns>
    internal int Read(JpegComponent component, int* steps, ref int first, int* block)
    {
        var at = this.at;
        var (bits, count) = (this.bits, this.count);
        Fill(ref at, ref bits, ref count);
        if (!TakeFirst(component.First, ref bits, ref count, ref first) || first != (short)first)
            return -1;
        var (last, extent) = (0, 0);
        Place(0, first * steps[0], block, ref extent);
        fixed (int* entries = component.Others.Entries)
        fixed (byte* places = JpegBlock.Places)
        {
            for (var k = 0; k < 63;)
            {
                Fill(ref at, ref bits, ref count);
                var entry = entries[bits >> (64 - JpegCodes.Look)];
                if (entry == 0 && (entry = component.Others.Longer((int)(bits >> 48))) == 0)
                    return -1;
                var taken = entry & 63;
                bits <<= taken;
                count -= taken;
                k += (entry >> 8) & 0xFF;
                if (k > 63)
                {
                    if (k < JpegCodes.End)
                        return -1;
                    break;
                }

                var value = entry >> 16;
                if ((entry & JpegCodes.More) != 0)
                    value = Take(value, ref bits, ref count);
                Place(places[k], value * steps[k], block, ref extent);
                last = k;
            }
        }

        if (extent >= MostOfSound)
            return -1;

        this.at = at;
        (this.bits, this.count) = (bits, count);
        return last;
    }

    /// <summary>Reads over a block of which nothing but its first coefficient is of use; false where the codes make no sense.</summary>
    internal bool Skip(JpegComponent component, ref int first)
    {
        var at = this.at;
        var (bits, count) = (this.bits, this.count);
        Fill(ref at, ref bits, ref count);
        if (!TakeFirst(component.First, ref bits, ref count, ref first))
            return false;
        fixed (int* entries = component.Others.Entries)
        {
            for (var k = 0; k < 63;)
            {
                Fill(ref at, ref bits, ref count);
                var entry = entries[bits >> (64 - JpegCodes.Look)];
                if (entry == 0 && (entry = component.Others.Longer((int)(bits >> 48))) == 0)
                    return false;
                var taken = (entry & 63) + ((entry & JpegCodes.More) != 0 ? entry >> 16 : 0);
                bits <<= taken;
                count -= taken;
                k += (entry >> 8) & 0xFF;
                if (k is > 63 and < JpegCodes.End)
                    return false;
            }
        }

        this.at = at;
        (this.bits, this.count) = (bits, count);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Place(int place, int value, int* block, ref int extent)
    {
        block[place] = value;
        extent |= value ^ (value >> 31);
    }

    // At least 56 bits are there afterwards, which is more than a code and its coefficient take.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fill(ref byte* at, ref ulong bits, ref int count)
    {
        bits |= BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<ulong>(at)) >> count;
        at += (63 - count) >> 3;
        count |= 56;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TakeFirst(JpegCodes codes, ref ulong bits, ref int count, ref int first)
    {
        var entry = codes.Entries[bits >> (64 - JpegCodes.Look)];
        if (entry == 0 && (entry = codes.Longer((int)(bits >> 48))) == 0)
            return false;
        bits <<= entry & 63;
        count -= entry & 63;
        first += Take(entry >> 16, ref bits, ref count);
        return true;
    }

    /// <summary>A number of so many bits; one that begins with a zero is negative.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Take(int size, ref ulong bits, ref int count)
    {
        var value = (int)((bits >> 1) >> (63 - size));
        var negative = ~(int)((long)bits >> 63);
        bits <<= size;
        count -= size;
        return value + (negative & ((-1 << size) + 1));
    }
}
