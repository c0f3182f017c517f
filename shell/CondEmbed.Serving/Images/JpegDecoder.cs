using System.Runtime.Intrinsics.X86;

namespace CondEmbed.Images;

/// <summary>
/// Decodes usual JPEG pictures, or a box of one: Skia's library has no vectors for them on x64, and cannot leave out what is not asked for. The pixels are
/// those of libjpeg to the bit. What it does not know, or what is damaged, it leaves to Skia.
/// </summary>
internal static unsafe class JpegDecoder
{
    /// <summary>Whether this machine has the instructions.</summary>
    internal static bool IsSupported => Avx2.IsSupported;

    /// <summary>Writes a box of the picture to its place; false, with anything in the buffer, where that is left to Skia.</summary>
    /// <param name="header">What stands before.</param>
    /// <param name="file">The whole file.</param>
    /// <param name="box">What is wanted.</param>
    /// <param name="rgb">H W 3 bytes of the whole picture.</param>
    internal static bool TryDecode(JpegHeader header, ReadOnlySpan<byte> file, PixelBox box, Span<byte> rgb)
    {
        using var planes = new JpegPlanes(header, box);
        using var codes = new DecodeBuffer(file.Length - header.Data + JpegBits.Margin);
        fixed (byte* start = codes.Span)
        fixed (byte* samples = planes.Samples)
            return TryDecode(header, file[header.Data..], planes, codes.Span, start, samples, rgb);
    }

    private static bool TryDecode(
        JpegHeader header, ReadOnlySpan<byte> data, JpegPlanes planes, Span<byte> codes, byte* start, byte* samples, Span<byte> rgb)
    {
        var block = stackalloc int[64];
        var first = stackalloc int[3];
        var (bits, left, marker) = (default(JpegBits), 0, 0);
        for (var row = 0; row <= planes.Bottom; row++)
        {
            for (var column = 0; column < planes.Columns; column++)
            {
                if (left-- == 0)
                {
                    if ((row, column) != (0, 0) && !IsRestart(ref data, ref marker))
                        return false;
                    var length = Unstuff(ref data, codes);
                    // libjpeg looks ahead, and takes a file without a marker behind its codes for one that is cut off.
                    if (data.Length < 2)
                        return false;
                    codes.Slice(length, JpegBits.Margin).Clear();
                    (bits, left) = (new JpegBits(start, length), (header.Restart > 0 ? header.Restart : int.MaxValue) - 1);
                    new Span<int>(first, 3).Clear();
                }

                var wanted = row >= planes.Top && column >= planes.Left && column <= planes.Right;
                if (!(wanted ? Read(ref bits, header, planes, column, row, block, first, samples) : Skip(ref bits, header, first)) || bits.IsPast)
                    return false;
            }

            if (row >= planes.Top)
                planes.Finish(row, rgb);
        }

        return true;
    }

    private static bool Read(ref JpegBits bits, JpegHeader header, JpegPlanes planes, int column, int row, int* block, int* first, byte* samples)
    {
        for (var i = 0; i < header.Components.Length; i++)
        {
            var component = header.Components[i];
            fixed (int* steps = component.Steps)
            {
                for (var part = 0; part < component.Across * component.Down; part++)
                {
                    var (y, x) = Math.DivRem(part, component.Across);
                    var target = samples + planes.Start(i, column * component.Across + x, row * component.Down + y);
                    new Span<int>(block, 64).Clear();
                    var last = bits.Read(component, steps, ref first[i], block);
                    if (last < 0)
                        return false;
                    if (last == 0)
                        JpegBlock.Flat(block[0], target, planes.Stride(i));
                    else
                        JpegBlock.Transform(block, target, planes.Stride(i));
                }
            }
        }

        return true;
    }

    private static bool Skip(ref JpegBits bits, JpegHeader header, int* first)
    {
        for (var i = 0; i < header.Components.Length; i++)
        {
            var component = header.Components[i];
            for (var part = 0; part < component.Across * component.Down; part++)
            {
                if (!bits.Skip(component, ref first[i]))
                    return false;
            }
        }

        return true;
    }

    /// <summary>Copies what is before the next marker without the zeros after 0xFF; says how many bytes it is.</summary>
    private static int Unstuff(ref ReadOnlySpan<byte> data, Span<byte> codes)
    {
        for (var length = 0; ;)
        {
            var plain = data.IndexOf((byte)0xFF);
            if (plain < 0 || plain + 1 >= data.Length || data[plain + 1] != 0)
            {
                var rest = plain < 0 ? data.Length : plain;
                data[..rest].CopyTo(codes[length..]);
                data = data[rest..];
                return length + rest;
            }

            data[..(plain + 1)].CopyTo(codes[length..]);
            data = data[(plain + 2)..];
            length += plain + 1;
        }
    }

    /// <summary>Moves behind the restart marker that is due, from 0 to 7 in turn.</summary>
    private static bool IsRestart(ref ReadOnlySpan<byte> data, ref int marker)
    {
        if (data.Length < 2 || data[0] != 0xFF || data[1] != 0xD0 + marker)
            return false;
        marker = (marker + 1) & 7;
        data = data[2..];
        return true;
    }
}
