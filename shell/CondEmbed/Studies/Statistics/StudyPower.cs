using CondEmbed.Evaluation;

namespace CondEmbed.Studies;

/// <summary>How many seeds a comparison needs, judged by those seen so far.</summary>
/// <param name="Arm">The arm.</param>
/// <param name="Measured">What was measured.</param>
/// <param name="Metric">Its key.</param>
/// <param name="Seeds">The seeds so far.</param>
/// <param name="Deviation">The standard deviation of the paired differences; NaN for one seed.</param>
/// <param name="Reach">Half the width of the interval now, which with several arms is the one after Holm's correction; NaN for one seed.</param>
/// <param name="Needed">The seeds for an interval of the width that was asked for; null where the deviation is not known.</param>
/// <param name="Against">The arm that it is compared with, if not the baseline; otherwise empty.</param>
/// <param name="Level">1 minus the confidence of that interval: 0.05, or what the correction leaves of it beside other arms, by the seeds so far.</param>
public sealed record SeedsNeeded(string Arm, string Measured, string Metric, int Seeds, double Deviation, double Reach, int? Needed, string Against, double Level);

/// <summary>Plans the number of seeds from the paired deviations of a study.</summary>
public static class StudyPower
{
    // From here on Student's t and the normal distribution give the same n.
    private const int Many = 100_000;

    /// <summary>
    /// The fewest values whose interval reaches no farther than a width to each side of the mean: the smallest n with t(1 - level / 2, n - 1) s / sqrt(n) at most
    /// the width: NIST/SEMATECH e-Handbook of Statistical Methods, 7.2.2.2. The true deviation may differ from s, which few values tell only roughly.
    /// </summary>
    /// <param name="deviation">s, the standard deviation.</param>
    /// <param name="width">Half the width of the interval, above 0.</param>
    /// <param name="level">1 minus the confidence of the interval, between 0 and 1.</param>
    public static int Needed(double deviation, double width, double level = 0.05)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(deviation);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        var (below, enough) = (1, 2);

        while (!IsEnough(enough))
        {
            if (enough >= Many)
            {
                return (int)Math.Min(int.MaxValue, Math.Ceiling(Math.Pow(Normal(1 - (level / 2)) * deviation / width, 2)));
            }

            (below, enough) = (enough, 2 * enough);
        }

        while (enough - below > 1)
        {
            var middle = (below + enough) / 2;
            (below, enough) = IsEnough(middle) ? (below, middle) : (middle, enough);
        }

        return enough;

        bool IsEnough(int count) => StudentT.Quantile(1 - (level / 2), count - 1) * deviation / Math.Sqrt(count) <= width;
    }

    /// <summary>The normal distribution's quantile, from Student's of many degrees by the first term of their difference (Abramowitz and Stegun, 26.7.5).</summary>
    private static double Normal(double share)
    {
        var t = StudentT.Quantile(share, Many);
        return t - (((t * t * t) + t) / (4.0 * Many));
    }

    /// <summary>Of each comparison with the baseline, then of those with controls; by the intervals that decide, which Holm's correction makes wider where there are several.</summary>
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
                   ((one.Corrected ?? one.Estimate).High - (one.Corrected ?? one.Estimate).Low) / 2,
                   double.IsNaN(deviation) || deviation == 0 ? null : Needed(deviation, width, one.Level),
                   one.Against == results.Baseline ? "" : one.Against,
                   one.Level),
        ];
    }

    /// <summary>The same as aligned text, in points.</summary>
    public static string Format(StudyResults results, double width)
    {
        var all = Of(results, width);
        var tables = all.GroupBy(one => one.Measured).Select(measured => Table(measured.Key, measured, width));
        var corrected = all.Any(one => one.Level < 0.05)
            ? "By the intervals after Holm's correction for several arms, which decide: their confidence is above 95 %, by what the seeds so far show.\n\n"
            : "";
        return corrected + string.Join("\n\n", tables.Select(table => string.Join('\n', TextTable.Lines(table))));
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
