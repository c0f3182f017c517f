using Microsoft.FSharp.Core;

namespace CondEmbed.Studies;

/// <summary>The mean of some values with its confidence interval, 95 % unless said otherwise, by Student's t: mean +- t(0.975, n - 1) s / sqrt(n).</summary>
/// <param name="Count">n.</param>
/// <param name="Mean">The mean of the values; NaN for none.</param>
/// <param name="Low">The lower bound; NaN for fewer than two values, and for values that are all the same but not zero: they tell nothing of how far others would scatter.</param>
/// <param name="High">The upper bound; NaN where the lower one is.</param>
[StructuredFormatDisplay("{Shown}")]
public sealed record Estimate(int Count, double Mean, double Low, double High)
{
    // Differences of equal numbers differ by their rounding.
    private const double Rounding = 1e-12;

    /// <summary>Whether the whole interval lies above zero.</summary>
    public bool IsGain => Low > 0;

    /// <summary>Whether the whole interval lies below zero.</summary>
    public bool IsLoss => High < 0;

    /// <summary>What F# Interactive prints.</summary>
    internal string Shown => ToString();

    /// <summary>The mean and its interval, as the values are.</summary>
    public override string ToString() =>
        FormattableString.Invariant($"{Mean:+0.####;-0.####;0}{(double.IsNaN(Low) ? "" : FormattableString.Invariant($" [{Low:+0.####;-0.####;0}, {High:+0.####;-0.####;0}]"))}, n = {Count}");

    /// <summary>Of some values, with an interval of that confidence, between 0 and 1.</summary>
    public static Estimate Of(IEnumerable<double> values, double confidence = 0.95)
    {
        double[] all = [.. values];

        if (all.Length < 2)
        {
            return new Estimate(all.Length, all.Length == 0 ? double.NaN : all[0], double.NaN, double.NaN);
        }

        var (mean, deviation) = (all.Average(), Deviation(all));

        if (deviation == 0 && mean != 0)
        {
            return new Estimate(all.Length, mean, double.NaN, double.NaN);
        }

        var reach = StudentT.Quantile((1 + confidence) / 2, all.Length - 1) * deviation / Math.Sqrt(all.Length);
        return new Estimate(all.Length, mean, mean - reach, mean + reach);
    }

    /// <summary>The standard deviation of the values of which these are a sample; NaN for fewer than two, 0 for values that are the same up to rounding.</summary>
    internal static double Deviation(IReadOnlyList<double> values)
    {
        if (values.Count < 2)
        {
            return double.NaN;
        }

        var mean = values.Average();
        var deviation = Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1));
        return deviation <= Rounding * Math.Abs(mean) ? 0 : deviation;
    }
}
