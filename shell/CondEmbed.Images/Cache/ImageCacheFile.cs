using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace CondEmbed.Images;

/// <summary>Where an image is in the file of a cache.</summary>
/// <param name="Offset">The first byte of its pixels.</param>
/// <param name="Width">Pixels in a row; 0 for an image that cannot be used.</param>
/// <param name="Height">Rows.</param>
/// <param name="Sum">The checksum of its pixels.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct CachedImage(long Offset, int Width, int Height, long Sum)
{
    internal int Length => Width * Height * 3;

    /// <summary>Whether its numbers can describe an image between two positions of a file.</summary>
    internal bool IsWithin(long start, long end) =>
        Width == 0 || (Width > 0 && Height > 0 && (long)Width * Height <= int.MaxValue / 3 && Offset >= start && Offset <= end && Length <= end - Offset);
}

/// <summary>The layout of a cache file: a header of 64 bytes, the positions of all images, then their pixels in any order. Little-endian.</summary>
internal static class ImageCacheFile
{
    internal const int HeaderLength = 64;

    private const int KeyLength = 32;

    private static ReadOnlySpan<byte> Magic => "CondEmbed pics 1"u8;

    /// <summary>
    /// What the file's name and header say about its content: a hash of the bytes of all image files, their boxes, the size and the filter. So a file is never
    /// out of date: other images get another file.
    /// </summary>
    internal static byte[] KeyOf(ImageCacheOptions options, IEnumerable<byte[]> images)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Magic);
        hash.AppendData(Encoding.UTF8.GetBytes($"{options.Side} {options.Filter}\n"));
        foreach (var image in images)
            hash.AppendData(image);
        return hash.GetHashAndReset();
    }

    internal static string PathOf(ImageCacheOptions options, byte[] key) =>
        Path.Combine(options.Folder, $"{options.Side}-{Convert.ToHexStringLower(key.AsSpan(0, 16))}.pictures");

    internal static long PixelsFrom(int count) => HeaderLength + (long)count * Marshal.SizeOf<CachedImage>();

    /// <summary>Writes the header and the positions.</summary>
    internal static void WriteStart(Stream stream, byte[] key, CachedImage[] images, long length)
    {
        var places = MemoryMarshal.AsBytes<CachedImage>(images);
        using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        writer.Write(Magic);
        writer.Write(key);
        writer.Write(length);
        writer.Write(Sum(places));
        writer.Write(places);
    }

    /// <summary>The positions in a file; each is within it.</summary>
    /// <exception cref="InvalidDataException">The file is incomplete, or not the expected one.</exception>
    internal static CachedImage[] ReadStart(SafeFileHandle file, string path, byte[] key, int count)
    {
        var start = new byte[PixelsFrom(count)];
        if (Disk.Read(file, start, 0) < start.Length || !start.AsSpan().StartsWith(Magic) || !start.AsSpan(Magic.Length).StartsWith(key))
            throw new InvalidDataException($"{path}: not a cache of these images.");
        var length = BitConverter.ToInt64(start, Magic.Length + KeyLength);
        var places = start.AsSpan(HeaderLength);
        var images = MemoryMarshal.Cast<byte, CachedImage>(places).ToArray();
        if (length != RandomAccess.GetLength(file)
            || BitConverter.ToInt64(start, Magic.Length + KeyLength + sizeof(long)) != Sum(places)
            || Array.Exists(images, image => !image.IsWithin(start.Length, length)))
            throw new InvalidDataException($"{path}: this cache is damaged.");
        return images;
    }

    /// <summary>CRC-32C of bytes, eight at a time, and of their number.</summary>
    internal static long Sum(ReadOnlySpan<byte> bytes)
    {
        var sum = uint.MaxValue;
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (var word in words)
            sum = BitOperations.Crc32C(sum, word);
        foreach (var one in bytes[(words.Length * 8)..])
            sum = BitOperations.Crc32C(sum, one);
        return ((long)bytes.Length << 32) | sum;
    }
}
