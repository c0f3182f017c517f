namespace CondEmbed.Studies;

/// <summary>
/// Holm's correction for several comparisons, which keeps the chance of one false gain among all of them at 5 %: S. Holm, "A simple sequentially rejective
/// multiple test procedure", Scandinavian Journal of Statistics 6 (1979), 65-70. A p that is NaN, where nothing could be tested, is not counted.
/// </summary>
public static class Holm
{
    /// <summary>The corrected p of each: the k-th smallest of m is multiplied by m - k + 1, is at least those before it, and at most 1.</summary>
    public static IReadOnlyList<double> Adjusted(IReadOnlyList<double> p)
    {
        var order = Ascending(p);
        double[] adjusted = [.. p];
        var least = 0.0;

        for (var rank = 0; rank < order.Length; rank++)
        {
            least = Math.Min(1, Math.Max(least, (order.Length - rank) * p[order[rank]]));
            adjusted[order[rank]] = least;
        }

        return adjusted;
    }

    /// <summary>
    /// The level at which each is tested: alpha divided by how many are left when its turn comes, until one does not pass, whose level is that of all after it.
    /// An interval of confidence 1 - level excludes zero exactly where the corrected p is at most alpha. NaN where there is no p.
    /// </summary>
    public static IReadOnlyList<double> Levels(IReadOnlyList<double> p, double alpha = 0.05)
    {
        var order = Ascending(p);
        var levels = Enumerable.Repeat(double.NaN, p.Count).ToArray();
        var left = order.Length;

        foreach (var place in order)
        {
            levels[place] = alpha / left;
            left -= p[place] <= levels[place] ? 1 : 0;
        }

        return levels;
    }

    private static int[] Ascending(IReadOnlyList<double> p)
    {
        ArgumentNullException.ThrowIfNull(p);
        return [.. Enumerable.Range(0, p.Count).Where(place => !double.IsNaN(p[place])).OrderBy(place => p[place])];
    }
}
