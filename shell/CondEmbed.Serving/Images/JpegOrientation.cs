using System.Buffers.Binary;

namespace CondEmbed.Images;

/// <summary>Reads from Exif data whether a picture is stored as it is to be seen.</summary>
internal static class JpegOrientation
{
    private const ushort Tag = 0x0112;

    /// <summary>Whether TIFF data says nothing of an orientation, or that it is the usual one; false also for data that is damaged.</summary>
    internal static bool IsUpright(ReadOnlySpan<byte> tiff)
    {
        if (tiff.Length < 8)
            return false;
        var little = tiff.StartsWith("II*\0"u8);
        if (!little && !tiff.StartsWith("MM\0*"u8))
            return false;
        var start = Long(tiff[4..], little);
        if (start > tiff.Length - 2)
            return false;
        var entries = tiff[((int)start + 2)..];
        var count = Short(tiff[(int)start..], little);
        if (count * 12 > entries.Length)
            return false;
        for (var i = 0; i < count; i++)
        {
            var entry = entries.Slice(i * 12, 12);
            if (Short(entry, little) == Tag && (Short(entry[2..], little) != 3 || Long(entry[4..], little) != 1 || Short(entry[8..], little) != 1))
                return false;
        }

        return true;
    }

    private static uint Long(ReadOnlySpan<byte> bytes, bool little) =>
        little ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt32BigEndian(bytes);

    private static ushort Short(ReadOnlySpan<byte> bytes, bool little) =>
        little ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes);
}
