using System.Buffers;
using System.Globalization;
using SkiaSharp;

namespace CondEmbed.Images;

/// <summary>
/// Decodes JPEG, PNG, WebP, BMP and GIF (first frame) with Skia; the pixels equal those of Pillow's
/// <c>ImageOps.exif_transpose(image).convert("RGB")</c>: no colour management, transparency dropped, grey and palettes expanded,
/// the camera's orientation applied. Usual JPEG pictures it decodes without Skia where the machine has the instructions, to the same pixels.
/// </summary>
/// <param name="MaxPixels">Pictures with more pixels than this are refused before any memory is taken for them.</param>
public sealed record SkiaDecoder(long MaxPixels = SkiaDecoder.DefaultMaxPixels) : IImageDecoder
{
    /// <summary>89 megapixels, the size at which Pillow begins to suspect a decompression bomb.</summary>
    public const long DefaultMaxPixels = 89_478_485;

    // The RGBA buffer must be indexable by int.
    private const long HardMaxPixels = int.MaxValue / 4 - 16;

    /// <inheritdoc/>
    public unsafe RgbImage Decode(ReadOnlyMemory<byte> file, string name)
    {
        if (file.IsEmpty)
            throw new BadPictureException(name, "the file is empty");
        if (ReadPart(file.Span, name, PixelBox.Whole, length => GC.AllocateUninitializedArray<byte>(length)) is { } usual)
            return usual;
        using var pin = file.Pin();
        using var data = SKData.Create((nint)pin.Pointer, file.Length);
        using var codec = SKCodec.Create(data);
        if (codec is null || !IsSupported(codec.EncodedFormat))
            throw new BadPictureException(name, "this is not a JPEG, PNG, WebP, BMP or GIF picture");

        var info = new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        CheckSize(info.Width, info.Height, name);
        var rgba = ArrayPool<byte>.Shared.Rent(info.Width * info.Height * 4);
        try
        {
            fixed (byte* target = rgba)
                CheckResult(codec.GetPixels(info, (nint)target), name);
            return Upright.FromRgba(rgba, info.Width, info.Height, codec.EncodedOrigin);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rgba);
        }
    }

    /// <summary>
    /// A usual JPEG picture of which only a box is decoded; the pixels around it are anything. Null for all other files: they are read by <see cref="Decode"/>,
    /// which also says what is wrong with them.
    /// </summary>
    /// <param name="file">The file's bytes.</param>
    /// <param name="name">The picture's name as people know it, for messages.</param>
    /// <param name="choose">From width and height the box that is wanted.</param>
    /// <param name="rent">Gives a buffer of at least so many bytes.</param>
    /// <exception cref="BadPictureException">The picture is too large.</exception>
    internal RgbImage? ReadPart(ReadOnlySpan<byte> file, string name, Func<int, int, PixelBox> choose, Func<int, byte[]> rent)
    {
        if (!JpegDecoder.IsSupported || JpegHeader.Read(file) is not { } header)
            return null;
        CheckSize(header.Width, header.Height, name);
        // A file without its end is read to where it stops, so that the same is said of it whatever part is wanted.
        var box = file.EndsWith<byte>([0xFF, 0xD9]) ? choose(header.Width, header.Height) : PixelBox.Whole(header.Width, header.Height);
        var pixels = rent(header.Width * header.Height * 3);
        return JpegDecoder.TryDecode(header, file, box, pixels) ? RgbImage.Over(header.Width, header.Height, pixels) : null;
    }

    private static bool IsSupported(SKEncodedImageFormat format) =>
        format is SKEncodedImageFormat.Jpeg or SKEncodedImageFormat.Png or SKEncodedImageFormat.Webp or SKEncodedImageFormat.Bmp or SKEncodedImageFormat.Gif;

    private void CheckSize(int width, int height, string name)
    {
        var pixels = (long)width * height;
        if (pixels <= 0)
            throw new BadPictureException(name, "the picture has no pixels");
        var cap = Math.Min(MaxPixels, HardMaxPixels);
        if (pixels > cap)
            throw new BadPictureException(name, string.Create(CultureInfo.InvariantCulture,
                $"{width} x {height} pixels are more than the allowed {cap / 1e6:0.#} megapixels; make the picture smaller or raise the limit"));
    }

    private static void CheckResult(SKCodecResult result, string name)
    {
        if (result != SKCodecResult.Success)
            throw new BadPictureException(name, result switch
            {
                SKCodecResult.IncompleteInput => "the file is cut off: it ends before the whole picture is there",
                SKCodecResult.ErrorInInput => "the file is damaged: a part of it cannot be decoded",
                _ => $"the picture cannot be decoded ({result})"
            });
    }
}
