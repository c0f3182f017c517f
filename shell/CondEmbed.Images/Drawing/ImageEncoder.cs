using SkiaSharp;

namespace CondEmbed.Images;

/// <summary>Turns pixels into the bytes of an image file.</summary>
public static class ImageEncoder
{
    /// <summary>Encodes an image as PNG, without loss.</summary>
    public static byte[] Png(RgbImage image) => Encode(image, SKEncodedImageFormat.Png, 100);

    /// <summary>Encodes an image as JPEG.</summary>
    /// <param name="image">The pixels.</param>
    /// <param name="quality">1 to 100.</param>
    public static byte[] Jpeg(RgbImage image, int quality = 85) => Encode(image, SKEncodedImageFormat.Jpeg, quality);

    /// <summary>Checks a name before the work whose result it will hold.</summary>
    /// <exception cref="InputException">Its ending is not that of a PNG, or no file can be written there.</exception>
    public static void CheckPng(string path)
    {
        var ending = Path.GetExtension(path);
        if (!ending.Equals(".png", StringComparison.OrdinalIgnoreCase))
        {
            throw new InputException($"{path}: the ending '{ending}' is not .png, but only PNG files are written");
        }

        AtomicFile.Check(path, makesFolder: true);
    }

    /// <summary>Writes a PNG atomically: there is never half a file under its name.</summary>
    /// <param name="image">The pixels.</param>
    /// <param name="path">The file; its folder is created if missing.</param>
    /// <exception cref="InputException">The name does not end in .png, or the file cannot be written.</exception>
    public static void SavePng(RgbImage image, string path)
    {
        CheckPng(path);
        var bytes = Png(image);
        AtomicFile.MakeFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
        AtomicFile.Write(path, stream => stream.Write(bytes));
    }

    /// <summary>A data URI for a page: PNG for small images such as icons, else JPEG.</summary>
    /// <param name="image">The pixels.</param>
    /// <param name="quality">1 to 100, for JPEG.</param>
    public static string DataUri(RgbImage image, int quality = 85)
    {
        ArgumentNullException.ThrowIfNull(image);
        var small = image.Width * image.Height <= 96 * 96;
        return small
            ? "data:image/png;base64," + Convert.ToBase64String(Png(image))
            : "data:image/jpeg;base64," + Convert.ToBase64String(Jpeg(image, quality));
    }

    internal static unsafe SKBitmap Bitmap(RgbImage image)
    {
        var bitmap = new SKBitmap(new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        var target = new Span<byte>((void*)bitmap.GetPixels(), image.Width * image.Height * 4);
        var source = image.Pixels;
        for (int from = 0, to = 0; from < source.Length; from += 3, to += 4)
        {
            target[to] = source[from];
            target[to + 1] = source[from + 1];
            target[to + 2] = source[from + 2];
            target[to + 3] = 255;
        }

        return bitmap;
    }

    private static byte[] Encode(RgbImage image, SKEncodedImageFormat format, int quality)
    {
        ArgumentNullException.ThrowIfNull(image);
        using var bitmap = Bitmap(image);
        using var data = bitmap.Encode(format, quality)
            ?? throw new InvalidOperationException($"Skia cannot encode {image.Width} x {image.Height} pixels as {format}.");
        return data.ToArray();
    }
}
