using CondEmbed.Options;

namespace CondEmbed.Comparisons;

/// <summary>A setting in which runs differ.</summary>
/// <param name="Key">Its name.</param>
/// <param name="Values">Its value in each run, in order; null if a run does not have it, as one that another program trained has no settings of training.</param>
public sealed record SettingDifference(string Key, IReadOnlyList<string?> Values)
{
    internal static IReadOnlyList<SettingDifference> Of(IReadOnlyList<ComparedRun> runs) =>
    [
        .. runs.SelectMany(run => run.Settings.Keys).Distinct()
            .Select(key => new SettingDifference(key, [.. runs.Select(run => run.IsImported && RunSettings.IsOfTraining(key) ? null : run.Settings.GetValueOrDefault(key))]))
            .Where(setting => setting.Values.Distinct().Count() > 1),
    ];
}
