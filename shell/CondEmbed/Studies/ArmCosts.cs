namespace CondEmbed.Studies;

/// <summary>The costs of arms, relative to the baseline with the same seed.</summary>
internal sealed class ArmCosts(IReadOnlyList<StudyRun> runs, string baseline, bool ownProcesses)
{
    internal StudyArmCost Of(string arm, IReadOnlyDictionary<string, string> changes)
    {
        StudyRun[] own = [.. runs.Where(run => run.Arm == arm && run.Cost is not null)];
        return new StudyArmCost(
            arm,
            changes,
            Mean(own, cost => cost.SecondsPerStep),
            Ratio(arm, cost => cost.SecondsPerStep),
            ownProcesses ? Mean(own, cost => cost.PeakMemory) : null,
            ownProcesses ? Ratio(arm, cost => cost.PeakMemory) : null,
            own.FirstOrDefault()?.Cost!.TestParameters ?? 0,
            own.FirstOrDefault()?.Cost!.TrainingParameters ?? 0);
    }

    private static Estimate? Mean(StudyRun[] own, Func<Reports.RunCost, double> of) =>
        own.Length == 0 ? null : Estimate.Of(own.Select(run => of(run.Cost!)));

    private Estimate? Ratio(string arm, Func<Reports.RunCost, double> of)
    {
        double[] ratios =
        [
            .. StudyMatching.Pairs(baseline, runs)
                .Where(pair => pair.Arm.Arm == arm && pair.Arm.Cost is not null && pair.Baseline.Cost is not null)
                .Select(pair => of(pair.Arm.Cost!) / of(pair.Baseline.Cost!)),
        ];
        return ratios.Length == 0 ? null : Estimate.Of(ratios);
    }
}
