using CondEmbed.Common;
using CondEmbed.Evaluation;

namespace CondEmbed.Studies;

/// <summary>How many seeds a comparison needs, judged by those seen so far.</summary>
/// <param name="Arm">The arm.</param>
/// <param name="Measured">What was measured.</param>
/// <param name="Metric">Its key.</param>
/// <param name="Seeds">The seeds so far.</param>
/// <param name="Deviation">The standard deviation of the paired differences; NaN for one seed.</param>
/// <param name="Reach">Half the width of the 95 % interval now; NaN for one seed.</param>
/// <param name="Needed">The seeds for an interval of the width that was asked for; null for one seed.</param>
/// <param name="Against">The arm that it is compared with, if not the baseline; otherwise empty.</param>
public sealed record SeedsNeeded(string Arm, string Measured, string Metric, int Seeds, double Deviation, double Reach, int? Needed, string Against);

/// <summary>Plans the number of seeds from the paired deviations of a study.</summary>
public static class StudyPower
{
    private const double Normal975 = 1.959963984540054;

    /// <summary>
    /// The fewest values whose 95 % interval reaches no farther than a width to each side of the mean: the smallest n with t(0.975, n - 1) s / sqrt(n) at most
    /// the width, by iterating Student's t from the normal distribution's n: NIST/SEMATECH e-Handbook of Statistical Methods, 7.2.2.2. The true deviation may
    /// differ from s, which few values tell only roughly.
    /// </summary>
    /// <param name="deviation">s, the standard deviation.</param>
    /// <param name="width">Half the width of the interval, above 0.</param>
    public static int Needed(double deviation, double width)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(deviation);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        var normal = Math.Pow(Normal975 * deviation / width, 2);

        if (normal > 1e5)
        {
            // Here the two distributions differ by less than the rounding.
            return (int)Math.Min(int.MaxValue, Math.Ceiling(normal));
        }

        var count = Math.Max(2, (int)Math.Ceiling(normal));

        while (StudentT.Quantile(0.975, count - 1) * deviation / Math.Sqrt(count) > width)
        {
            count++;
        }

        return count;
    }

    /// <summary>Of each comparison with the baseline, then of those with controls.</summary>
    /// <param name="results">The study so far.</param>
    /// <param name="width">Half the width of the interval, as a fraction.</param>
    public static IReadOnlyList<SeedsNeeded> Of(StudyResults results, double width)
    {
        ArgumentNullException.ThrowIfNull(results);
        return
        [
            .. from one in results.Differences.Concat(results.Controls)
               let deviation = Estimate.Deviation(one.Values)
               select new SeedsNeeded(
                   one.Arm,
                   one.Measured,
                   one.Metric,
                   one.Values.Count,
                   deviation,
                   (one.Estimate.High - one.Estimate.Low) / 2,
                   double.IsNaN(deviation) || deviation == 0 ? null : Needed(deviation, width),
                   one.Against == results.Baseline ? "" : one.Against),
        ];
    }

    /// <summary>The same as aligned text, in points.</summary>
    public static string Format(StudyResults results, double width)
    {
        var tables = Of(results, width).GroupBy(one => one.Measured).Select(measured => Table(measured.Key, measured, width));
        return string.Join("\n\n", tables.Select(table => string.Join('\n', TextTable.Lines(table))));
    }

    private static string[][] Table(string measured, IEnumerable<SeedsNeeded> rows, double width) =>
    [
        [measured + " (points)", "metric", "seeds", "deviation", "interval now", FormattableString.Invariant($"seeds for +-{100 * width:0.##}")],
        .. rows.Select(one => (string[])
        [
            one.Against.Length == 0 ? one.Arm : $"{one.Arm} over {one.Against}",
            MetricNames.Display(one.Metric),
            Readable.Count(one.Seeds),
            one.Needed is null ? "" : Readable.Percent(one.Deviation),
            one.Needed is null ? "" : "+-" + Readable.Percent(one.Reach),
            one.Needed is { } needed ? Readable.Count(needed) : one.Deviation == 0 ? "all alike so far" : "two seeds at least",
        ]),
    ];
}
