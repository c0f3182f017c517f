using CondEmbed.Evaluation;

namespace CondEmbed.Studies;

/// <summary>How an arm did with one combination of settings.</summary>
/// <param name="Arm">The arm.</param>
/// <param name="Trial">The combination's name.</param>
/// <param name="Settings">Its settings.</param>
/// <param name="Seeds">The seeds that are finished.</param>
/// <param name="Validation">MAP@R of the validation classes at their best step, the mean over the seeds, as a fraction; NaN for no seed.</param>
/// <param name="IsChosen">Whether the arm is compared with these settings.</param>
public sealed record ArmTrial(string Arm, string Trial, IReadOnlyDictionary<string, string> Settings, int Seeds, double Validation, bool IsChosen);

/// <summary>Each arm's choice among the combinations of settings of a study, by the validation classes alone.</summary>
internal static class StudyChoice
{
    /// <summary>
    /// Every arm with every combination. Chosen is the best of those with the most finished seeds, the first of equal ones. Empty where nothing is varied.
    /// </summary>
    internal static IReadOnlyList<ArmTrial> Of(StudyPlan plan, IReadOnlyList<StudyRun> runs) =>
        plan.Trials.Count == 1 ? [] : [.. plan.Arms.SelectMany(arm => OfArm(plan, arm.Name, [.. runs.Where(run => run.Arm == arm.Name)]))];

    /// <summary>The runs with the chosen settings.</summary>
    internal static StudyRun[] Chosen(IReadOnlyList<ArmTrial> trials, IReadOnlyList<StudyRun> runs)
    {
        var chosen = trials.Where(trial => trial.IsChosen).Select(trial => (trial.Arm, trial.Trial)).ToHashSet();
        return [.. runs.Where(run => trials.Count == 0 || chosen.Contains((run.Arm, run.Trial)))];
    }

    private static IEnumerable<ArmTrial> OfArm(StudyPlan plan, string arm, StudyRun[] runs)
    {
        ArmTrial[] trials =
        [
            .. from trial in plan.Trials
               let values = runs.Where(run => run.Trial == trial.Name).Select(Validation).ToArray()
               select new ArmTrial(arm, trial.Name, StudyResults.TextOf(trial.Values), values.Length, values.Length == 0 ? double.NaN : values.Average(), false),
        ];
        var most = trials.Max(trial => trial.Seeds);
        var best = most == 0 ? null : trials.Where(trial => trial.Seeds == most).MaxBy(trial => trial.Validation);
        return trials.Select(trial => trial with { IsChosen = trial == best });
    }

    private static double Validation(StudyRun run) =>
        run.Measured.GetValueOrDefault(StudyMeasures.Validation)?.GetValueOrDefault(MetricNames.MapAtR, double.NaN) ?? double.NaN;
}
