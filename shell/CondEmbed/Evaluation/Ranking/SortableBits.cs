namespace CondEmbed.Evaluation;

/// <summary>The bits of a floating-point number as an integer that sorts in the same order.</summary>
internal static class SortableBits
{
    internal static int Width<T>()
        where T : unmanaged => typeof(T) == typeof(float) ? 32 : 64;

    internal static ulong Of<T>(T number)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (typeof(T) == typeof(float))
        {
            var bits = BitConverter.SingleToUInt32Bits(float.CreateTruncating(number));
            return bits >> 31 == 1 ? ~bits : bits | 0x8000_0000;
        }

        var wide = BitConverter.DoubleToUInt64Bits(double.CreateTruncating(number));
        return wide >> 63 == 1 ? ~wide : wide | 0x8000_0000_0000_0000;
    }

    internal static T Back<T>(ulong key)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (typeof(T) == typeof(float))
        {
            var bits = (uint)key;
            return T.CreateTruncating(BitConverter.UInt32BitsToSingle(bits >> 31 == 1 ? bits & 0x7FFF_FFFF : ~bits));
        }

        return T.CreateTruncating(BitConverter.UInt64BitsToDouble(key >> 63 == 1 ? key & 0x7FFF_FFFF_FFFF_FFFF : ~key));
    }
}
