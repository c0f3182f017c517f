using CondEmbed.Notebooks;
using Microsoft.FSharp.Core;

namespace CondEmbed.Studies;

/// <summary>The mean of some values with its 95 % confidence interval, by Student's t: mean +- t(0.975, n - 1) s / sqrt(n).</summary>
/// <param name="Count">n.</param>
/// <param name="Mean">The mean of the values; NaN for none.</param>
/// <param name="Low">The lower bound; NaN for fewer than two values.</param>
/// <param name="High">The upper bound; NaN for fewer than two values.</param>
[StructuredFormatDisplay("{Shown}")]
[TypeFormatterSource(typeof(AsText))]
public sealed record Estimate(int Count, double Mean, double Low, double High)
{
    /// <summary>Whether the whole interval lies above zero.</summary>
    public bool IsGain => Low > 0;

    /// <summary>Whether the whole interval lies below zero.</summary>
    public bool IsLoss => High < 0;

    /// <summary>What F# Interactive prints.</summary>
    internal string Shown => ToString();

    /// <summary>The mean and its interval, as the values are.</summary>
    public override string ToString() =>
        FormattableString.Invariant($"{Mean:+0.####;-0.####;0} [{Low:+0.####;-0.####;0}, {High:+0.####;-0.####;0}], n = {Count}");

    /// <summary>Of some values.</summary>
    public static Estimate Of(IEnumerable<double> values)
    {
        double[] all = [.. values];

        if (all.Length < 2)
        {
            return new Estimate(all.Length, all.Length == 0 ? double.NaN : all[0], double.NaN, double.NaN);
        }

        var mean = all.Average();
        var deviation = Math.Sqrt(all.Sum(value => (value - mean) * (value - mean)) / (all.Length - 1));
        var reach = StudentT.Quantile(0.975, all.Length - 1) * deviation / Math.Sqrt(all.Length);
        return new Estimate(all.Length, mean, mean - reach, mean + reach);
    }
}
