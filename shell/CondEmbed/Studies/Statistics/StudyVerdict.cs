using CondEmbed.Evaluation;

namespace CondEmbed.Studies;

/// <summary>What the test classes of a study show, in words: only what an interval shows, after the correction where there is one.</summary>
public static class StudyVerdict
{
    /// <summary>A sentence for each arm on the baseline, and one for each on its controls; by the test at the step that the validation classes chose.</summary>
    public static IReadOnlyList<string> Sentences(StudyResults results)
    {
        ArgumentNullException.ThrowIfNull(results);
        var overBaseline = ByArm(results.Differences).Select(arm => OverBaseline(arm.Key, results.Baseline, [.. arm]));
        var overControls = ByArm(results.Controls).Select(arm => OverControls(arm.Key, [.. arm.GroupBy(one => one.Against)], results.Metrics.Count));
        return [.. overBaseline, .. overControls];
    }

    private static IEnumerable<IGrouping<string, PairedDifference>> ByArm(IEnumerable<PairedDifference> differences) =>
        differences.Where(one => one.Measured == StudyMeasures.Chosen).GroupBy(one => one.Arm);

    private static string OverBaseline(string arm, string baseline, PairedDifference[] all)
    {
        if (all.All(one => !double.IsFinite(one.Deciding.Low)))
        {
            return all.All(one => one.Values.Count == 1)
                ? $"{arm}: a single seed shows no difference from {baseline} beyond chance ({Listed(all, "and")}). Run more seeds."
                : $"{arm}: every seed differs from {baseline} by the same ({Listed(all, "and")}), so nothing tells how far others would. Run more seeds, or test on more images.";
        }

        PairedDifference[] gains = [.. all.Where(one => one.Deciding.IsGain)];
        PairedDifference[] losses = [.. all.Where(one => one.Deciding.IsLoss)];
        PairedDifference[] open = [.. all.Except(gains).Except(losses)];
        string[] parts =
        [
            .. gains.Length == 0 ? [] : new[] { $"gains in {Listed(gains, "and")}" },
            .. losses.Length == 0 ? [] : new[] { $"loses in {Listed(losses, "and")}" },
            .. open.Length == 0 ? [] : new[] { $"shows no difference in {Listed(open, "or")}" },
        ];
        return $"{arm}, against {baseline}: {string.Join("; ", parts)}.";
    }

    /// <summary>Controls with which the arm did the same in every metric share a sentence part: all above, or which metric shows it and which does not.</summary>
    private static string OverControls(string arm, IGrouping<string, PairedDifference>[] controls, int metrics)
    {
        string[] above = [.. controls.Where(control => control.Count() == metrics && control.All(one => one.Deciding.IsGain)).Select(control => control.Key)];
        var every = metrics == 1 ? "" : metrics == 2 ? " in both metrics" : " in every metric";
        string[] parts =
        [
            .. above.Length == 0 ? [] : new[] { $"is above {Words(above, "and")}{every}" },
            .. controls.Where(control => !above.Contains(control.Key)).Select(Open),
        ];
        return $"{arm} {string.Join("; ", parts)}.";
    }

    /// <summary>In which metrics an arm is above a control, and in which that is not shown.</summary>
    private static string Open(IGrouping<string, PairedDifference> control)
    {
        PairedDifference[] gains = [.. control.Where(one => one.Deciding.IsGain)];
        var rest = $"is not shown to be above {control.Key} in {Listed(control.Except(gains), "or")}";
        return gains.Length == 0 ? rest : $"{rest}, but is in {Listed(gains, "and")}";
    }

    private static string Listed(IEnumerable<PairedDifference> differences, string joint) =>
        Words([.. differences.Select(one => $"{MetricNames.Display(one.Metric)} ({Readable.PercentChange(one.Estimate.Mean)})")], joint);

    private static string Words(string[] words, string joint) =>
        words.Length <= 1 ? string.Concat(words) : $"{string.Join(", ", words[..^1])} {joint} {words[^1]}";
}
