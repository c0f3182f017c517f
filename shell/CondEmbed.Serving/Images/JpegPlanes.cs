using System.Buffers;

namespace CondEmbed.Images;

/// <summary>The components of a part of a JPEG picture, each in its own resolution, and the rows of RGB that are made of them.</summary>
internal sealed class JpegPlanes : IDisposable
{
    // What vectors may read or write after the end of a row.
    private const int Slack = 64;

    private readonly JpegHeader header;
    private readonly PixelBox box;
    private readonly int[] starts = new int[3];
    private readonly int[] strides = new int[3];
    private readonly DecodeBuffer samples;
    private readonly DecodeBuffer lines;
    private readonly short[] sums;
    private int done;

    /// <summary>Room for the planes of a picture of which a box is wanted.</summary>
    internal JpegPlanes(JpegHeader header, PixelBox box)
    {
        this.header = header;
        this.box = box;
        done = box.Top;
        (Across, Down) = (header.Components[0].Across, header.Components[0].Down);
        (Columns, Rows) = (Parts(header.Width, 8 * Across), Parts(header.Height, 8 * Down));
        // Interpolation looks one sample of chroma to every side.
        Left = Math.Max(box.Left / Across - 1, 0) / 8;
        Top = Math.Max(box.Top / Down - 1, 0) / 8;
        Right = Math.Min(((box.Left + box.Width - 1) / Across + 1) / 8, Columns - 1);
        Bottom = Math.Min(((box.Top + box.Height - 1) / Down + 1) / 8, Rows - 1);

        var size = 0;
        for (var i = 0; i < header.Components.Length; i++)
        {
            (starts[i], strides[i]) = (size, Columns * header.Components[i].Across * 8);
            size += strides[i] * Rows * header.Components[i].Down * 8;
        }

        samples = new DecodeBuffer(size + Slack);
        lines = new DecodeBuffer(2 * Room + 3 * header.Width + Slack);
        sums = ArrayPool<short>.Shared.Rent(Room);
    }

    /// <summary>Blocks of the first component in a row of an MCU.</summary>
    internal int Across { get; }

    /// <summary>Blocks of the first component in a column of an MCU.</summary>
    internal int Down { get; }

    /// <summary>MCUs in a row of the picture.</summary>
    internal int Columns { get; }

    /// <summary>Rows of MCUs.</summary>
    internal int Rows { get; }

    /// <summary>First column of MCUs that the box needs.</summary>
    internal int Left { get; }

    /// <summary>First row of MCUs that the box needs.</summary>
    internal int Top { get; }

    /// <summary>Last column of MCUs that the box needs.</summary>
    internal int Right { get; }

    /// <summary>Last row of MCUs that the box needs.</summary>
    internal int Bottom { get; }

    internal Span<byte> Samples => samples.Span;

    private int Room => header.Width + Slack;

    /// <summary>Bytes between two rows of a component.</summary>
    internal int Stride(int component) => strides[component];

    /// <summary>Where the first pixel of a block is.</summary>
    internal int Start(int component, int column, int row) => starts[component] + 8 * (row * strides[component] + column);

    /// <summary>Makes all rows of the box that the first rows of MCUs, up to this one, suffice for.</summary>
    /// <param name="row">A row of MCUs.</param>
    /// <param name="rgb">H W 3 bytes, of which the box is written.</param>
    internal void Finish(int row, Span<byte> rgb)
    {
        var end = box.Top + box.Height;
        // The last row of an MCU is interpolated with the next one's first.
        var ready = row == Bottom ? end : Math.Min((row + 1) * 8 * Down - (Down - 1), end);
        for (; done < ready; done++)
        {
            var target = rgb[((done * header.Width + box.Left) * 3)..];
            if (done < header.Height - 1)
            {
                Row(done, target);
                continue;
            }

            // Vectors write over the end, which here is that of the buffer.
            var line = lines.Span[(2 * Room)..];
            Row(done, line);
            line[..(box.Width * 3)].CopyTo(target);
        }
    }

    public void Dispose()
    {
        samples.Dispose();
        lines.Dispose();
        ArrayPool<short>.Shared.Return(sums);
    }

    private void Row(int y, Span<byte> target)
    {
        var light = Line(0, y)[box.Left..];
        if (header.Components.Length == 1)
            JpegRows.ToGrey(light, box.Width, target);
        else
            JpegRows.ToRgb(light, Chroma(1, y), Chroma(2, y), box.Width, target);
    }

    /// <summary>Samples of a chroma component for each pixel of a row of the box.</summary>
    private ReadOnlySpan<byte> Chroma(int component, int y)
    {
        if (Across == 1)
            return Line(component, y)[box.Left..];
        var first = Math.Max(box.Left / 2 - 1, 0);
        var count = Math.Min((box.Left + box.Width - 1) / 2 + 1, Parts(header.Width, 2) - 1) - first + 1;
        var near = Line(component, y / Down).Slice(first, count);
        var far = Down == 1 ? [] : Line(component, Math.Clamp(y / 2 + (y % 2 == 0 ? -1 : 1), 0, Parts(header.Height, 2) - 1)).Slice(first, count);
        var line = lines.Span.Slice((component - 1) * Room, Room);
        JpegRows.Sum(near, far, sums);
        JpegRows.Widen(sums.AsSpan(0, count + 2), isOfTwo: Down == 2, line);
        return line[(box.Left - 2 * first)..];
    }

    private ReadOnlySpan<byte> Line(int component, int y) => samples.Span[(starts[component] + y * strides[component])..];

    private static int Parts(int length, int size) => (length + size - 1) / size;
}
