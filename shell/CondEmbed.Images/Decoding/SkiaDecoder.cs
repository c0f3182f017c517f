using SkiaSharp;

namespace CondEmbed.Images;

/// <summary>
/// Decodes JPEG, PNG, WebP, BMP and GIF (first frame) with Skia; the pixels equal those of Pillow's <c>ImageOps.exif_transpose(image).convert("RGB")</c>:
/// no colour management, grey and palettes expanded, the camera's orientation applied, transparency dropped or, if asked for, blended with a background colour.
/// <para>
/// It differs from Pillow in three ways: a 16-bit grey PNG keeps its upper eight bits, where Pillow clips everything above 255 and leaves an almost white image;
/// an orientation in XMP or in a PNG text chunk, rather than in Exif, is not applied; and damaged files are refused.
/// </para>
/// <para>
/// All decoders of a process share about 1 GiB: images decoded at the same time wait for each other if they need more. A single image takes at most 13 bytes per
/// pixel, which is 1.2 GB at the usual limit of 89.5 megapixels.
/// </para>
/// </summary>
/// <param name="MaxPixels">Images with more pixels than this are refused before any memory is taken for them.</param>
public sealed record SkiaDecoder(long MaxPixels) : IImageDecoder
{
    /// <summary>89.5 megapixels, about the size at which Pillow begins to suspect a decompression bomb.</summary>
    public const long DefaultMaxPixels = 89_500_000;

    // The RGBA buffer must be indexable by int.
    private const long HardMaxPixels = int.MaxValue / 4 - 16;

    // Rows decoded at a time, at most two rows of MCUs.
    private const int StripRows = 16;

    private const string IsCutOff = "the file is cut off: it ends before the end of the image";

    /// <summary>A decoder with the process's limit, <see cref="LargestByDefault"/>.</summary>
    public SkiaDecoder()
        : this(LargestByDefault)
    {
    }

    /// <summary>The most pixels in an image, for decoders created without a limit. Programs set it when they start.</summary>
    public static long LargestByDefault { get; set; } = DefaultMaxPixels;

    /// <summary>The colour behind transparent parts; null drops the transparency and shows the colours under it.</summary>
    public Rgb? Background { get; init; }

    /// <inheritdoc/>
    public RgbImage Decode(ReadOnlyMemory<byte> file, string name)
    {
        if (file.IsEmpty)
            throw new BadImageException(name, "the file is empty");
        var format = ImageFormat.Of(file.Span);
        if (format == "GIF" && file.Length >= 10)
            CheckSize(file.Span[6] | file.Span[7] << 8, file.Span[8] | file.Span[9] << 8, name);
        var frame = format == "GIF" ? GifFrame.Of(file.Span) : null;
        return DecodeBySkia(frame is not null && Background is null ? frame.Opaque(file.Span) : file, file.Span, frame, name);
    }

    private unsafe RgbImage DecodeBySkia(ReadOnlyMemory<byte> shown, ReadOnlySpan<byte> file, GifFrame? frame, string name)
    {
        using var pin = shown.Pin();
        using var data = SKData.Create((nint)pin.Pointer, shown.Length);
        using var codec = Open(data, file, name, out var info);
        using var loan = DecodeMemory.Take((codec.EncodedFormat == SKEncodedImageFormat.Jpeg ? 13L : 11L) * info.Width * info.Height);
        using var rgba = new DecodeBuffer(info.Width * info.Height * 4);
        var pixels = rgba.Span;
        fixed (byte* target = pixels)
            CheckResult(codec.GetPixels(info, (nint)target), name);
        if (Background is { } colour)
            PillowColours.PutBehind(colour, pixels);
        else
            frame?.Surround(pixels, info.Width, info.Height);
        PillowColours.OfBmp16(file, pixels);
        return Upright.FromRgba(pixels, info.Width, info.Height, ExifOrientation.Of(file));
    }

    /// <summary>
    /// The rows of an upright JPEG image that a box needs; the other rows are undefined, and damage below the box goes unnoticed. Null for all other files:
    /// they are read by <see cref="Decode"/>, which also says what is wrong with them.
    /// </summary>
    /// <param name="file">The file's bytes.</param>
    /// <param name="name">The image's name, for messages.</param>
    /// <param name="choose">Gives the wanted box from width and height.</param>
    /// <param name="rent">Gives a buffer of at least that many bytes.</param>
    /// <exception cref="BadImageException">The file is not an image, or it is too large.</exception>
    internal unsafe RgbImage? ReadRows(ReadOnlyMemory<byte> file, string name, Func<int, int, PixelBox> choose, Func<int, byte[]> rent)
    {
        if (ImageFormat.Of(file.Span) != "JPEG" || ExifOrientation.Of(file.Span) != SKEncodedOrigin.TopLeft)
            return null;
        using var pin = file.Pin();
        using var data = SKData.Create((nint)pin.Pointer, file.Length);
        using var codec = Open(data, file.Span, name, out var info);
        // A truncated file is read to its end, so that the error is the same whatever part is wanted.
        var box = file.Span.EndsWith<byte>([0xFF, 0xD9]) ? choose(info.Width, info.Height) : PixelBox.Whole(info.Width, info.Height);
        using var loan = DecodeMemory.Take(9L * info.Width * info.Height);
        var pixels = rent(info.Width * info.Height * 3);
        using var strip = new DecodeBuffer(StripRows * info.RowBytes);
        if (codec.StartScanlineDecode(info) != SKCodecResult.Success || (box.Top > 0 && !codec.SkipScanlines(box.Top)))
            return null;
        var end = box.Top + box.Height;
        for (var row = box.Top; row < end; row += StripRows)
        {
            var count = Math.Min(StripRows, end - row);
            fixed (byte* target = strip.Span)
                if (codec.GetScanlines((nint)target, count, info.RowBytes) != count)
                    return null;
            Upright.Pack(strip.Span[..(count * info.RowBytes)], pixels.AsSpan(row * info.Width * 3, count * info.Width * 3));
        }

        return RgbImage.Over(info.Width, info.Height, pixels);
    }

    private SKCodec Open(SKData data, ReadOnlySpan<byte> file, string name, out SKImageInfo info)
    {
        var codec = SKCodec.Create(data);
        try
        {
            if (codec is null || !IsSupported(codec.EncodedFormat))
                throw new BadImageException(name, ImageFormat.Refusal(file));
            info = new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
            CheckSize(info.Width, info.Height, name);
            return ImageFormat.IsCutOff(file, info.Width, info.Height) ? throw new BadImageException(name, IsCutOff) : codec;
        }
        catch (BadImageException)
        {
            // Dispose now, not later: it reads from memory that the caller is about to release.
            codec?.Dispose();
            throw;
        }
    }

    private static bool IsSupported(SKEncodedImageFormat format) =>
        format is SKEncodedImageFormat.Jpeg or SKEncodedImageFormat.Png or SKEncodedImageFormat.Webp or SKEncodedImageFormat.Bmp or SKEncodedImageFormat.Gif;

    private void CheckSize(int width, int height, string name)
    {
        var pixels = (long)width * height;
        if (pixels <= 0)
            throw new BadImageException(name, "the image has no pixels");
        var cap = Math.Min(MaxPixels, HardMaxPixels);
        if (pixels > cap)
            throw new BadImageException(name, string.Create(CultureInfo.InvariantCulture,
                $"{width} x {height} pixels exceed the limit of {(cap < 100_000 ? $"{cap} pixels" : $"{cap / 1e6:0.#} megapixels")}; make the image smaller or raise {Wording.Of("MaxMegapixels (MaxPixels of the decoder)", "--max-megapixels (max_megapixels in a settings file)")}"));
    }

    private static void CheckResult(SKCodecResult result, string name)
    {
        if (result != SKCodecResult.Success)
            throw new BadImageException(name, result switch
            {
                SKCodecResult.IncompleteInput => IsCutOff,
                SKCodecResult.ErrorInInput => "the file is damaged: part of it cannot be decoded",
                _ => $"the image cannot be decoded ({result})"
            });
    }
}
