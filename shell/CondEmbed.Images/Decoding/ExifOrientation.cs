using System.Buffers.Binary;
using SkiaSharp;

namespace CondEmbed.Images;

/// <summary>
/// How the camera was held, from the Exif data of JPEG, PNG (eXIf, before or after the pixels) and WebP. Every integer type except BYTE counts, as in Pillow.
/// </summary>
internal static class ExifOrientation
{
    private const ushort Tag = 0x0112;

    /// <summary>The orientation of an image file; the normal one if the file names none.</summary>
    internal static SKEncodedOrigin Of(ReadOnlySpan<byte> file)
    {
        var exif = ImageFormat.Of(file) switch
        {
            "JPEG" => InJpeg(file),
            "PNG" => InPng(file),
            "WebP" => InWebP(file),
            _ => []
        };
        if (exif.StartsWith("Exif\0\0"u8))
            exif = exif[6..];
        return InTiff(exif) is >= 2 and <= 8 and var orientation ? (SKEncodedOrigin)orientation : SKEncodedOrigin.TopLeft;
    }

    /// <summary>The orientation that TIFF data names, whatever number that is: 1 if it names none, 0 if the data is damaged.</summary>
    internal static int InTiff(ReadOnlySpan<byte> tiff)
    {
        if (tiff.Length < 8)
            return 0;
        var little = tiff.StartsWith("II*\0"u8);
        if (!little && !tiff.StartsWith("MM\0*"u8))
            return 0;
        var start = Long(tiff[4..], little);
        if (start > tiff.Length - 2)
            return 0;
        var entries = tiff[((int)start + 2)..];
        var count = Math.Min(Short(tiff[(int)start..], little), entries.Length / 12);
        for (var i = 0; i < count; i++)
        {
            var entry = entries.Slice(i * 12, 12);
            if (Short(entry, little) == Tag)
                return Value(tiff, entry, little);
        }

        return 1;
    }

    /// <summary>The first number of an entry; 0 if it is not a number.</summary>
    private static int Value(ReadOnlySpan<byte> tiff, ReadOnlySpan<byte> entry, bool little)
    {
        // The sizes in bytes of SHORT, LONG and the signed types. Pillow does not count a BYTE as a number. Values of more than four bytes are stored elsewhere.
        var size = Short(entry[2..], little) switch { 6 => 1, 3 or 8 => 2, 4 or 9 => 4, _ => 0 };
        var count = Long(entry[4..], little);
        if (size == 0 || count == 0)
            return 0;
        var value = entry[8..];
        if (size * (long)count > 4)
        {
            var at = Long(value, little);
            if (at > tiff.Length - size)
                return 0;
            value = tiff[(int)at..];
        }

        return size switch { 1 => (sbyte)value[0], 2 => Short(value, little), _ => (int)Long(value, little) };
    }

    private static ReadOnlySpan<byte> InJpeg(ReadOnlySpan<byte> file)
    {
        for (var at = 2; at + 4 <= file.Length && file[at] == 0xFF;)
        {
            var marker = file[at + 1];
            if (marker == 0xFF)
            {
                at++;
                continue;
            }

            var length = BinaryPrimitives.ReadUInt16BigEndian(file[(at + 2)..]);
            if (marker == 0xDA || length < 2 || at + 2 + length > file.Length)
                break;
            var segment = file.Slice(at + 4, length - 2);
            if (marker == 0xE1 && segment.StartsWith("Exif\0\0"u8))
                return segment;
            at += 2 + length;
        }

        return [];
    }

    private static ReadOnlySpan<byte> InPng(ReadOnlySpan<byte> file)
    {
        ReadOnlySpan<byte> exif = [];
        for (var at = 8L; at + 12 <= file.Length;)
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(file[(int)at..]);
            var kind = file.Slice((int)at + 4, 4);
            if (at + 12 + length > file.Length || kind.SequenceEqual("IEND"u8))
                break;
            if (kind.SequenceEqual("eXIf"u8))
                exif = file.Slice((int)at + 8, (int)length);
            at += 12 + length;
        }

        return exif;
    }

    private static ReadOnlySpan<byte> InWebP(ReadOnlySpan<byte> file)
    {
        for (var at = 12L; at + 8 <= file.Length;)
        {
            var length = BinaryPrimitives.ReadUInt32LittleEndian(file[((int)at + 4)..]);
            if (at + 8 + length > file.Length)
                break;
            if (file[(int)at..].StartsWith("EXIF"u8))
                return file.Slice((int)at + 8, (int)length);
            at += 8 + length + (length & 1);
        }

        return [];
    }

    private static uint Long(ReadOnlySpan<byte> bytes, bool little) =>
        little ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt32BigEndian(bytes);

    private static ushort Short(ReadOnlySpan<byte> bytes, bool little) =>
        little ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes);
}
