namespace CondEmbed.Studies;

/// <summary>The gain of an arm over another, usually the baseline, with the same seeds.</summary>
/// <param name="Arm">The arm.</param>
/// <param name="Measured">What was measured, as in <see cref="StudyRun.Measured"/>.</param>
/// <param name="Metric">Its key.</param>
/// <param name="Seeds">The seeds for which both runs exist.</param>
/// <param name="Values">Arm minus the other for each seed.</param>
/// <param name="Estimate">Their mean and its interval.</param>
public sealed record PairedDifference(
    string Arm, string Measured, string Metric, IReadOnlyList<int> Seeds, IReadOnlyList<double> Values, Estimate Estimate)
{
    /// <summary>The other arm; empty for the baseline in results of older versions.</summary>
    public string Against { get; init; } = "";

    /// <summary>The two-sided p of the paired t-test; NaN for one seed, or differences that are all the same but not zero.</summary>
    public double P { get; init; } = double.NaN;

    /// <summary>The same after <see cref="Holm"/>'s correction for all comparisons of the metric.</summary>
    public double HolmP { get; init; } = double.NaN;

    /// <summary>The mean with the interval that holds after the correction: it excludes zero where <see cref="HolmP"/> is at most 0.05. Null where there is no p.</summary>
    public Estimate? Corrected { get; init; }

    /// <summary>The estimate that decides: the corrected one, where there is one.</summary>
    internal Estimate Deciding => Corrected ?? Estimate;

    /// <summary>The level at which the correction tests it: 0.05, or less beside others.</summary>
    internal double Level { get; init; } = 0.05;

    /// <summary>With p and what the correction makes of it, among all comparisons of the same metric in the same place.</summary>
    internal static IReadOnlyList<PairedDifference> WithCorrection(IEnumerable<PairedDifference> all) =>
        [.. all.GroupBy(one => (one.Measured, one.Metric)).SelectMany(family => OfFamily([.. family]))];

    private static IEnumerable<PairedDifference> OfFamily(PairedDifference[] family)
    {
        double[] p = [.. family.Select(one => StudentT.PairedP(one.Values))];
        var adjusted = Holm.Adjusted(p);
        var levels = Holm.Levels(p);
        return family.Select((one, place) => one with
        {
            Estimate = Estimate.Of(one.Values),
            P = p[place],
            HolmP = adjusted[place],
            Corrected = double.IsNaN(levels[place]) ? null : Estimate.Of(one.Values, 1 - levels[place]),
            Level = double.IsNaN(levels[place]) ? 0.05 : levels[place],
        });
    }
}
