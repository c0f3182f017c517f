using System.Buffers.Binary;

namespace CondEmbed.Images;

/// <summary>
/// Whether a file has the bytes that its pixels need at the very least, so that a few bytes with a header of a large picture cost nothing. Of WebP and GIF any
/// number of equal pixels can be few bytes.
/// </summary>
internal static class PictureBytes
{
    // Deflate makes at most 1032 bytes of one.
    private const long DeflateMost = 1032;

    /// <summary>Whether the file is cut off for certain.</summary>
    internal static bool AreTooFew(ReadOnlySpan<byte> file, int width, int height) => PictureFormat.Of(file) switch
    {
        // A block of 8 x 8 pixels is one bit at least, also in the first scan of a progressive picture.
        "JPEG" => Blocks(width, height) > 8L * file.Length,
        "PNG" => BitsOfPng(file, width, height) / 8 > DeflateMost * file.Length,
        "BMP" => BytesOfBmp(file, width, height) > 2L * file.Length,
        _ => false
    };

    private static long Blocks(int width, int height) => (width + 7L) / 8 * ((height + 7L) / 8);

    private static long BitsOfPng(ReadOnlySpan<byte> file, int width, int height)
    {
        if (file.Length < 26)
            return 0;
        var channels = file[25] switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };
        return (long)width * height * channels * file[24];
    }

    private static long BytesOfBmp(ReadOnlySpan<byte> file, int width, int height)
    {
        // Run-length coded pictures may be of few bytes.
        if (file.Length < 34 || BinaryPrimitives.ReadUInt32LittleEndian(file[14..]) < 40 || BinaryPrimitives.ReadUInt32LittleEndian(file[30..]) is 1 or 2 or 4 or 5)
            return 0;
        return ((long)width * BinaryPrimitives.ReadUInt16LittleEndian(file[28..]) + 7) / 8 * height;
    }
}
