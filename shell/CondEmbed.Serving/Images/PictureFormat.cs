namespace CondEmbed.Images;

/// <summary>Tells formats by the first bytes of a file, whatever its name says.</summary>
public static class PictureFormat
{
    /// <summary>JPEG, PNG, WebP, BMP or GIF, or 'other'.</summary>
    public static string Of(ReadOnlySpan<byte> file) =>
        file.StartsWith((ReadOnlySpan<byte>)[0xff, 0xd8, 0xff]) ? "JPEG"
        : file.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G']) ? "PNG"
        : file.StartsWith("RIFF"u8) && file.Length >= 12 && file[8..].StartsWith("WEBP"u8) ? "WebP"
        : file.StartsWith("BM"u8) ? "BMP"
        : file.StartsWith("GIF8"u8) ? "GIF"
        : "other";
}
