using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Options;
using CondEmbed.Runs;

namespace CondEmbed.Studies;

/// <summary>Checks a study on its data, before anything is trained.</summary>
public static class StudyChecks
{
    /// <summary>
    /// Checks that every arm can be trained and tested, as far as its data is here: that the data can be divided and fills the batches, that each metric to compare by is measured, that
    /// there are validation classes to choose settings by, and that further data has more than one class.
    /// </summary>
    /// <param name="plan">The study.</param>
    /// <param name="notice">Told of what is seldom meant, such as networks that start from nothing.</param>
    /// <exception cref="InputException">Everything that is wrong.</exception>
    public static void OnData(StudyPlan plan, Action<string>? notice = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        Of(plan, from arm in plan.Arms from trial in plan.Trials select plan.SettingsOf(arm, plan.Seeds[0], trial), notice, passesOver: true);
    }

    /// <summary>The same for the settings of some runs, one for each arm and combination; data that is not here is passed over, or refused.</summary>
    internal static void Of(StudyPlan plan, IEnumerable<RunSettings> runs, Action<string>? notice, bool passesOver)
    {
        var (problems, told) = (new TomlProblems(), new HashSet<string>());

        foreach (var settings in runs)
        {
            Tell(RunNotices.OfStart(settings));

            if (!passesOver || IsHere(settings.Host.Data))
            {
                _ = problems.Of(() => Checked(plan, settings, Tell), false);
            }
        }

        foreach (var data in plan.TestOn.Where(IsHere))
        {
            _ = problems.Of(() => MoreTests.Open(data).Dataset.Count, 0);
        }

        problems.ThrowIfAny();

        void Tell(string? line)
        {
            if (line is not null && told.Add(line))
            {
                notice?.Invoke(line);
            }
        }
    }

    private static bool IsHere(string data) => ImageDatasets.IsEmbedded(data) || Path.Exists(data);

    private static bool Checked(StudyPlan plan, RunSettings settings, Action<string?> tell)
    {
        var data = RunData.OpenForTraining(settings);
        var measured = RunMeasures.Keys(settings, data.Dataset);
        var missing = plan.Metrics.Except(measured).ToArray();

        if (missing.Length > 0)
        {
            throw new InputException(missing.Select(metric => $"{plan.Name}: metrics: '{metric}' is not measured by these runs{CoreSettings.Nearest(measured, metric)}; they measure {string.Join(", ", measured)}. {Remedy(metric)}"));
        }

        if (plan.Trials.Count > 1 && data.Split.Validation.Count == 0)
        {
            throw new InputException($"{plan.Name}: there are no validation classes, by which each arm takes its best settings. Give validation_share a value above 0.");
        }

        tell(RunNotices.OfBatches(settings, data));

        foreach (var other in plan.TestOn.Where(IsHere))
        {
            tell(TrainedOn.Between(data, RunData.ForEvaluation(MoreTests.Open(other).Dataset), settings.Host.SharedClasses));
        }

        return true;
    }

    /// <summary>The setting by which runs measure it.</summary>
    private static string Remedy(string metric) =>
        ClusterAgreement.Metrics.Any(one => one.Key == metric) ? "Set clustering = true in [base]."
        : metric.Contains("_by_", StringComparison.Ordinal) ? "Name the column in label_columns in [base]."
        : "Name its K in recall_at in [base].";
}
