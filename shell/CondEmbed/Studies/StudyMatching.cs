namespace CondEmbed.Studies;

/// <summary>Which runs can be compared, and whether they started from the same network and saw the same images.</summary>
internal static class StudyMatching
{
    /// <summary>Each run of another arm with the baseline's of the same seed.</summary>
    internal static IReadOnlyList<(StudyRun Arm, StudyRun Baseline)> Pairs(string baseline, IReadOnlyList<StudyRun> runs) =>
    [
        .. from run in runs
           where run.Arm != baseline
           from other in runs
           where other.Arm == baseline && other.Seed == run.Seed
           select (run, other),
    ];

    /// <summary>What prevents a matched comparison, one line per arm.</summary>
    internal static IEnumerable<string> Problems(StudyPlan plan, IReadOnlyList<StudyRun> runs)
    {
        foreach (var pairs in Pairs(plan.Baseline, runs).GroupBy(pair => pair.Arm.Arm))
        {
            if (pairs.Any(pair => pair.Arm.Origin is null || pair.Baseline.Origin is null))
            {
                yield return $"{pairs.Key} cannot be checked against {plan.Baseline}: not all of their runs recorded what they started from and saw";
                continue;
            }

            string[] differences =
            [
                .. Different("initial encoder and head", pairs, run => run.Origin!.Network),
                .. Different("batches or their augmentation", pairs, run => run.Origin!.Batches),
                .. Different("number of steps", pairs, run => FormattableString.Invariant($"{run.Steps}")),
            ];

            if (differences.Length > 0)
            {
                yield return $"{pairs.Key} differs from {plan.Baseline} in {string.Join(" and ", differences)}";
            }
        }
    }

    private static string[] Different(string what, IEnumerable<(StudyRun Arm, StudyRun Baseline)> pairs, Func<StudyRun, string> of) =>
        pairs.Any(pair => of(pair.Arm) != of(pair.Baseline)) ? [what] : [];
}
