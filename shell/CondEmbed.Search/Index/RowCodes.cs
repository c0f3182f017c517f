using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CondEmbed.Search;

/// <summary>
/// Embeddings with eight bits per number: a row is about its scale times its codes, -127 to 127. There are 16 rows per block: first the first two codes of its rows, then the next
/// two, and so on, so that a register holds numbers of 16 rows. After all codes come, block after block, 16 scales and 16 errors: how far, at most, a row is from what
/// its codes say. A row beyond the last has the scale and the error 0.
/// </summary>
/// <param name="Dimension">D, the length of an embedding.</param>
/// <param name="Count">N, the number of embeddings.</param>
internal sealed record RowCodes(int Dimension, int Count)
{
    /// <summary>Rows in a block.</summary>
    internal const int Rows = 16;

    private const int Most = 127;

    /// <summary>Pairs of codes in a row; the last code of an odd dimension has a 0 besides it.</summary>
    internal int Pairs => (Dimension + 1) / 2;

    /// <summary>How many blocks there are.</summary>
    internal int Blocks => (int)(((long)Count + Rows - 1) / Rows);

    /// <summary>Bytes of the codes of a block.</summary>
    internal int BlockLength => 2 * Rows * Pairs;

    /// <summary>Bytes of the scales and errors of a block.</summary>
    internal const int ScalesLength = 2 * Rows * sizeof(float);

    /// <summary>Where the scales begin.</summary>
    internal long ScalesAt => (long)Blocks * BlockLength;

    /// <summary>Bytes of it all.</summary>
    internal long Length => ScalesAt + ((long)Blocks * ScalesLength);

    /// <summary>The codes of up to 16 rows.</summary>
    /// <param name="rows">Each D.</param>
    /// <param name="codes">The codes of a block.</param>
    /// <param name="scales">16 scales, then 16 errors.</param>
    internal void Encode(IReadOnlyList<float[]> rows, Span<byte> codes, Span<float> scales)
    {
        codes.Clear();
        scales.Clear();
        var signed = MemoryMarshal.Cast<byte, sbyte>(codes);
        for (var number = 0; number < rows.Count; number++)
        {
            var row = rows[number];
            var scale = Largest(row) / Most;
            var squares = 0d;
            for (var at = 0; at < row.Length; at++)
            {
                var code = scale == 0 ? 0 : Math.Clamp((int)MathF.Round(row[at] / scale), -Most, Most);
                signed[(at / 2 * 2 * Rows) + (2 * number) + (at % 2)] = (sbyte)code;
                var missed = row[at] - ((double)scale * code);
                squares += missed * missed;
            }

            (scales[number], scales[Rows + number]) = (scale, MathF.BitIncrement((float)(Math.Sqrt(squares) * 1.000001)));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static float Largest(ReadOnlySpan<float> row)
    {
        var largest = 0f;
        foreach (var number in row)
        {
            largest = Math.Max(largest, Math.Abs(number));
        }

        return largest;
    }
}
