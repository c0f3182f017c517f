namespace CondEmbed.Studies;

/// <summary>The gain of an arm over the baseline with the same seeds.</summary>
/// <param name="Arm">The arm.</param>
/// <param name="Measured">What was measured, as in <see cref="StudyRun.Measured"/>.</param>
/// <param name="Metric">Its key.</param>
/// <param name="Seeds">The seeds for which both runs exist.</param>
/// <param name="Values">Arm minus baseline for each seed.</param>
/// <param name="Estimate">Their mean and its interval.</param>
public sealed record PairedDifference(
    string Arm, string Measured, string Metric, IReadOnlyList<int> Seeds, IReadOnlyList<double> Values, Estimate Estimate);
