using SkiaSharp;

namespace CondEmbed.Images;

/// <summary>An image on a contact sheet.</summary>
/// <param name="Image">The pixels.</param>
/// <param name="Caption">A caption below it, which may extend to the next caption in the row and is shortened to fit; null for none.</param>
/// <param name="Frame">The colour of a frame around it; null for none.</param>
public sealed record Tile(RgbImage Image, string? Caption = null, Rgb? Frame = null);

/// <summary>What frames of a colour mean.</summary>
/// <param name="Colour">The colour.</param>
/// <param name="Meaning">A word or two.</param>
public sealed record LegendEntry(Rgb Colour, string Meaning);

/// <summary>Lays images out in a grid on white.</summary>
public static class ContactSheet
{
    private const int Gap = 6;
    private const int FrameWidth = 3;
    private const int CaptionHeight = 17;
    private const float FontSize = 12;
    private const int Swatch = 12;

    /// <summary>Tiles row after row, each centred in a cell of the largest tile's size. Pixels are kept as they are.</summary>
    /// <param name="tiles">At least one.</param>
    /// <param name="columns">Tiles in a row.</param>
    /// <param name="zoom">Every pixel becomes a square of zoom x zoom.</param>
    /// <param name="legend">What the frames mean, in a line below all tiles; null for none.</param>
    /// <remarks>If the system has no fonts at all, the captions stay empty.</remarks>
    public static RgbImage Compose(IReadOnlyList<Tile> tiles, int columns, int zoom = 1, IReadOnlyList<LegendEntry>? legend = null)
    {
        ArgumentNullException.ThrowIfNull(tiles);
        ArgumentOutOfRangeException.ThrowIfZero(tiles.Count);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(zoom);
        var cell = new SKSizeI(tiles.Max(tile => tile.Image.Width) * zoom, tiles.Max(tile => tile.Image.Height) * zoom);
        var caption = tiles.Any(tile => tile.Caption is not null) ? CaptionHeight : 0;
        var rows = (tiles.Count + columns - 1) / columns;
        columns = Math.Min(columns, tiles.Count);
        var (right, down) = (cell.Width + Gap, cell.Height + caption + Gap);
        legend ??= [];
        using var font = new SKFont(Lettering.Typeface, FontSize) { Edging = SKFontEdging.Antialias };
        var width = Math.Max(columns * right + Gap, Gap + legend.Sum(entry => LengthOf(entry, font)));
        var height = rows * down + Gap + (legend.Count > 0 ? CaptionHeight + Gap : 0);
        using var sheet = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using var canvas = new SKCanvas(sheet);
        canvas.Clear(SKColors.White);
        for (var i = 0; i < tiles.Count; i++)
        {
            var area = SKRect.Create(Gap + i % columns * right, Gap + i / columns * down, cell.Width, cell.Height);
            Draw(canvas, tiles[i], area, zoom);
            if (tiles[i].Caption is { Length: > 0 } text)
                Write(canvas, text, area, right * (FreeCells(tiles, i, columns) - 1));
        }

        WriteLegend(canvas, legend, font, rows * down + Gap);
        canvas.Flush();
        return Upright.FromRgba(sheet.GetPixelSpan(), sheet.Width, sheet.Height, SKEncodedOrigin.TopLeft);
    }

    private static int LengthOf(LegendEntry entry, SKFont font) => Swatch + Gap + (int)MathF.Ceiling(font.MeasureText(entry.Meaning)) + 3 * Gap;

    private static void WriteLegend(SKCanvas canvas, IReadOnlyList<LegendEntry> legend, SKFont font, int top)
    {
        var left = Gap;
        foreach (var entry in legend)
        {
            using var colour = new SKPaint { Color = new SKColor(entry.Colour.R, entry.Colour.G, entry.Colour.B) };
            using var ink = new SKPaint { Color = new SKColor(40, 40, 40), IsAntialias = true };
            canvas.DrawRect(SKRect.Create(left, top + 2, Swatch, Swatch), colour);
            canvas.DrawText(entry.Meaning, left + Swatch + Gap, top + FontSize, SKTextAlign.Left, font, ink);
            left += LengthOf(entry, font);
        }
    }

    private static void Draw(SKCanvas canvas, Tile tile, SKRect area, int zoom)
    {
        var (width, height) = (tile.Image.Width * zoom, tile.Image.Height * zoom);
        var place = SKRect.Create(
            area.Left + MathF.Floor((area.Width - width) / 2), area.Top + MathF.Floor((area.Height - height) / 2), width, height);
        if (tile.Frame is { } colour)
        {
            using var ink = new SKPaint { Color = new SKColor(colour.R, colour.G, colour.B) };
            canvas.DrawRect(SKRect.Inflate(place, FrameWidth, FrameWidth), ink);
        }

        using var bitmap = ImageEncoder.Bitmap(tile.Image);
        using var image = SKImage.FromBitmap(bitmap);
        canvas.DrawImage(image, place, new SKSamplingOptions(SKFilterMode.Nearest));
    }

    // The cell itself and those to its right up to the next caption.
    private static int FreeCells(IReadOnlyList<Tile> tiles, int index, int columns)
    {
        var end = Math.Min((index / columns + 1) * columns, tiles.Count);
        var next = index + 1;
        while (next < end && tiles[next].Caption is null)
            next++;
        return next - index;
    }

    private static void Write(SKCanvas canvas, string caption, SKRect area, int extra)
    {
        using var font = new SKFont(Lettering.Typeface, FontSize) { Edging = SKFontEdging.Antialias };
        using var ink = new SKPaint { Color = new SKColor(40, 40, 40), IsAntialias = true };
        var text = caption;
        for (var kept = caption.Length - 1; kept > 0 && font.MeasureText(text) > area.Width + extra; kept--)
            text = string.Concat(caption.AsSpan(0, kept), "\u2026");
        var (x, align) = extra > 0 ? (area.Left, SKTextAlign.Left) : (area.MidX, SKTextAlign.Center);
        canvas.DrawText(text, x, area.Bottom + FrameWidth + FontSize, align, font, ink);
    }
}
