using System.Buffers.Binary;
using System.Text;

namespace CondEmbed.Images;

/// <summary>Recognises formats by the first bytes of a file, whatever its name says.</summary>
public static class ImageFormat
{
    private const string Other = "other";

    // Deflate expands one byte to at most 1032.
    private const long DeflateMost = 1032;

    /// <summary>The supported formats, as people write them.</summary>
    public const string Read = "JPEG, PNG, WebP, BMP or GIF";

    /// <summary>JPEG, PNG, WebP, BMP or GIF, or 'other'.</summary>
    public static string Of(ReadOnlySpan<byte> file) =>
        file.StartsWith((ReadOnlySpan<byte>)[0xff, 0xd8, 0xff]) ? "JPEG"
        : file.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G']) ? "PNG"
        : file.StartsWith("RIFF"u8) && file.Length >= 12 && file[8..].StartsWith("WEBP"u8) ? "WebP"
        : file.StartsWith("BM"u8) ? "BMP"
        : file.StartsWith("GIF8"u8) ? "GIF"
        : Other;

    /// <summary>Why no decoder can read a file, as a clause that names the format if it is known.</summary>
    internal static string Refusal(ReadOnlySpan<byte> file)
    {
        if (Unread(file) is { } format)
            return $"this is {format}, which is not supported; convert it to JPEG or PNG";
        if (IsWebForm(file))
            return "this is a web form (multipart/form-data) with the image in it; send the image file's bytes as the body, or take them from Request.Form.Files";
        if (GitLfs.IsPointer(file))
            return GitLfs.Reason;
        return Of(file) is not Other and var damaged
            ? $"the file is damaged: it begins like a {damaged} image, but cannot be decoded"
            : $"this is not a {Read} image";
    }

    /// <summary>What a browser's form and <c>curl -F</c> send: a line that divides, and lines about the first part.</summary>
    private static bool IsWebForm(ReadOnlySpan<byte> file) =>
        file.StartsWith("--"u8) && Encoding.Latin1.GetString(file[..Math.Min(file.Length, 512)]).Contains("\nContent-Disposition: form-data", StringComparison.OrdinalIgnoreCase);

    /// <summary>A common image format that is not supported, with its article; null for any other file.</summary>
    private static string? Unread(ReadOnlySpan<byte> file) =>
        file.Length >= 12 && file[4..].StartsWith("ftyp"u8) ? OfBrand(file)
        : file.StartsWith("II*\0"u8) || file.StartsWith("MM\0*"u8) || file.StartsWith("II+\0"u8) || file.StartsWith("MM\0+"u8)
            ? file.Length >= 10 && file[8..].StartsWith("CR"u8) ? "a camera's raw image (CR2)" : "a TIFF (or a camera's raw) image"
        : file.StartsWith("8BPS"u8) ? "a Photoshop image"
        : file.StartsWith("%PDF"u8) ? "a PDF document"
        : file.StartsWith((ReadOnlySpan<byte>)[0xff, 0x0a]) || file[Math.Min(4, file.Length)..].StartsWith("JXL "u8) ? "a JPEG XL image"
        : file.StartsWith((ReadOnlySpan<byte>)[0xff, 0x4f, 0xff, 0x51]) || file[Math.Min(4, file.Length)..].StartsWith("jP  "u8) ? "a JPEG 2000 image"
        : file.StartsWith((ReadOnlySpan<byte>)[0, 0, 1, 0]) ? "an icon (ICO)"
        : file.StartsWith("II"u8) && file.Length > 3 && file[2] == 0xBC ? "a JPEG XR image"
        : file is [(byte)'P', >= (byte)'1' and <= (byte)'7', (byte)'\n' or (byte)' ' or (byte)'\r', ..] ? "a PNM image"
        : file[..Math.Min(file.Length, 512)].IndexOf("<svg"u8) >= 0 ? "an SVG drawing"
        : null;

    private static string? OfBrand(ReadOnlySpan<byte> file)
    {
        // Some AVIF files have the brand of the family first and their own among the compatible ones.
        var brands = file[8..Math.Min(file.Length, 64)];
        return brands.IndexOf("avif"u8) >= 0 || brands.IndexOf("avis"u8) >= 0 ? "an AVIF image"
            : brands.StartsWith("crx "u8) ? "a camera's raw image (CR3)"
            : brands.StartsWith("he"u8) || brands.StartsWith("mif1"u8) || brands.StartsWith("msf1"u8) ? "a HEIC image"
            : "a video";
    }

    /// <summary>
    /// Whether a file is certainly cut off: it has fewer bytes than its pixels need at the very least. So a few bytes with the header of a large image cost
    /// nothing. In WebP and GIF, any number of equal pixels can take few bytes.
    /// </summary>
    internal static bool IsCutOff(ReadOnlySpan<byte> file, int width, int height) => Of(file) switch
    {
        // A block of 8 x 8 pixels takes at least one bit, even in the first scan of a progressive image.
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
        // Run-length coded images may take few bytes.
        if (file.Length < 34 || BinaryPrimitives.ReadUInt32LittleEndian(file[14..]) < 40 || BinaryPrimitives.ReadUInt32LittleEndian(file[30..]) is 1 or 2 or 4 or 5)
            return 0;
        return ((long)width * BinaryPrimitives.ReadUInt16LittleEndian(file[28..]) + 7) / 8 * height;
    }
}
