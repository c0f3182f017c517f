namespace CondEmbed.Search;

/// <summary>
/// Queries with sixteen bits per number, to be multiplied with <see cref="RowCodes"/>. With x' and q' for what codes say of a row x and a query q of length 1,
/// q x = q' x' + (q - q') x' + q (x - x') is at most q' x' + |q - q'| |x'| + |x - x'|: so a row can be excluded from the nearest without reading it.
/// </summary>
internal sealed class CodeQueries
{
    private readonly int[][] packed;

    internal CodeQueries(float[][] queries, RowCodes codes)
    {
        Count = queries.Length;
        Together = Count == 1 ? 1 : CodeProduct.Queries;
        Scales = new float[Count];
        Slacks = new float[Count];
        packed = [.. Enumerable.Range(0, (Count + Together - 1) / Together).Select(_ => new int[codes.Pairs * Together])];
        for (var query = 0; query < Count; query++)
        {
            Pack(query, queries[query], codes.Dimension);
        }
    }

    /// <summary>How many queries there are.</summary>
    internal int Count { get; }

    /// <summary>How many of them are multiplied at a time.</summary>
    internal int Together { get; }

    /// <summary>What a product of codes is to be multiplied with, beside the scale of the row.</summary>
    internal float[] Scales { get; }

    /// <summary>How much more than what the codes say a product can be, beside the error of the row.</summary>
    internal float[] Slacks { get; }

    /// <summary>P: pairs of a query, or P 8: of some queries.</summary>
    internal ReadOnlySpan<int> Group(int group) => packed[group];

    private void Pack(int query, float[] row, int dimension)
    {
        // So small that no sum of all products leaves 31 bits.
        var most = Math.Min(short.MaxValue, int.MaxValue / (127 * dimension));
        var largest = row.Max(Math.Abs);
        var scale = largest / most;
        var missed = 0d;
        for (var at = 0; at < row.Length; at++)
        {
            var code = Math.Clamp((int)MathF.Round(row[at] / scale), -most, most);
            missed += Math.Pow(row[at] - ((double)scale * code), 2);
            packed[query / Together][(at / 2 * Together) + (query % Together)] |= (code & 0xFFFF) << (16 * (at % 2));
        }

        // |x'| is 1 and some hundredths; and all this is computed in single precision.
        Scales[query] = scale;
        Slacks[query] = (float)((1.2 * Math.Sqrt(missed)) + (2 * DotProduct.Uncertainty<float>(dimension)));
    }
}
