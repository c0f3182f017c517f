using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using SkiaSharp;

namespace CondEmbed.Images;

/// <summary>Drops the fourth byte of RGBA pixels and turns the image as its EXIF orientation asks.</summary>
internal static class Upright
{
    // Bytes 12-15 of the result are garbage that the next store overwrites.
    private static readonly Vector128<byte> DropAlpha =
        Vector128.Create((byte)0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0xFF, 0xFF, 0xFF, 0xFF);

    /// <summary>H W 4 stored pixels -> an upright image, H W 3 or, turned by a quarter, W H 3.</summary>
    internal static RgbImage FromRgba(ReadOnlySpan<byte> rgba, int width, int height, SKEncodedOrigin origin)
    {
        var target = DecodeMemory.Pixels(width * height * 3);
        if (origin is SKEncodedOrigin.TopLeft or SKEncodedOrigin.Default)
        {
            Pack(rgba[..(width * height * 4)], target);
            return new RgbImage(width, height, target);
        }

        // Where stored pixel (x, y) goes: start + x * right + y * down, in pixels of the upright image.
        var (w, h) = (width, height);
        var (start, right, down, turned) = origin switch
        {
            SKEncodedOrigin.TopRight => (w - 1, -1, w, false),
            SKEncodedOrigin.BottomRight => (w * h - 1, -1, -w, false),
            SKEncodedOrigin.BottomLeft => (w * (h - 1), 1, -w, false),
            SKEncodedOrigin.LeftTop => (0, h, 1, true),
            SKEncodedOrigin.RightTop => (h - 1, h, -1, true),
            SKEncodedOrigin.RightBottom => (w * h - 1, -h, -1, true),
            SKEncodedOrigin.LeftBottom => (h * (w - 1), -h, 1, true),
            _ => (0, 1, w, false)
        };
        var source = MemoryMarshal.Cast<byte, uint>(rgba);
        for (var y = 0; y < h; y++)
        {
            var row = source.Slice(y * w, w);
            var place = start + y * down;
            for (var x = 0; x < w; x++, place += right)
            {
                var pixel = row[x];
                var at = target.AsSpan(place * 3, 3);
                at[0] = (byte)pixel;
                at[1] = (byte)(pixel >> 8);
                at[2] = (byte)(pixel >> 16);
            }
        }

        return turned ? new RgbImage(h, w, target) : new RgbImage(w, h, target);
    }

    /// <summary>Drops the fourth byte of each pixel.</summary>
    internal static void Pack(ReadOnlySpan<byte> rgba, Span<byte> rgb)
    {
        ref var source = ref MemoryMarshal.GetReference(rgba);
        ref var target = ref MemoryMarshal.GetReference(rgb);
        var (from, to) = (0, 0);
        // Four pixels a time, while the 16-byte store stays inside the target.
        for (; from + 16 <= rgba.Length && to + 16 <= rgb.Length; from += 16, to += 12)
            Vector128.Shuffle(Vector128.LoadUnsafe(ref source, (nuint)from), DropAlpha).StoreUnsafe(ref target, (nuint)to);
        for (; from < rgba.Length; from += 4, to += 3)
            rgba.Slice(from, 3).CopyTo(rgb[to..]);
    }
}
