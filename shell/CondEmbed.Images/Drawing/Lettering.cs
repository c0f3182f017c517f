using SkiaSharp;

namespace CondEmbed.Images;

/// <summary>Text in images.</summary>
internal static class Lettering
{
    private const float FontSize = 15;
    private const int LineHeight = 21;
    private const int Margin = 4;

    private static readonly Lazy<SKTypeface> Found = new(() =>
        new[] { "DejaVu Sans", "Liberation Sans", "Noto Sans", "Segoe UI", "Helvetica", "Arial" }
            .Select(SKFontManager.Default.MatchFamily).FirstOrDefault(face => face is not null) ?? SKTypeface.Default);

    /// <summary>A plain typeface of the system; if it has none at all, text stays empty.</summary>
    internal static SKTypeface Typeface => Found.Value;

    /// <summary>Lines one below the other on white, and an image below them.</summary>
    internal static RgbImage Lines(IReadOnlyList<string> lines, int width, int height, RgbImage? below = null)
    {
        using var sheet = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using var canvas = new SKCanvas(sheet);
        using var font = new SKFont(Typeface, FontSize) { Edging = SKFontEdging.Antialias };
        using var ink = new SKPaint { Color = new SKColor(40, 40, 40), IsAntialias = true };
        canvas.Clear(SKColors.White);
        for (var i = 0; i < lines.Count; i++)
            canvas.DrawText(lines[i], Margin, (i + 1) * LineHeight, SKTextAlign.Left, font, ink);
        if (below is not null)
        {
            using var bitmap = ImageEncoder.Bitmap(below);
            using var image = SKImage.FromBitmap(bitmap);
            canvas.DrawImage(image, Margin, lines.Count * LineHeight + 2 * Margin, SKSamplingOptions.Default);
        }

        canvas.Flush();
        return Upright.FromRgba(sheet.GetPixelSpan(), width, height, SKEncodedOrigin.TopLeft);
    }
}
