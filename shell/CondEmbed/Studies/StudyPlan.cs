using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Options;

namespace CondEmbed.Studies;

/// <summary>One alternative in a study: some changes to the common settings.</summary>
/// <param name="Name">Letters, digits, '-', '_', '+' and '.': used as a folder name.</param>
/// <param name="Changes">The settings that differ.</param>
public sealed record StudyArm(string Name, IReadOnlyList<Given> Changes)
{
    /// <summary>Other arms, its controls, with which it is compared besides the baseline.</summary>
    public IReadOnlyList<string> CompareWith { get; init; } = [];
}

/// <summary>One of the combinations of settings that every arm is run with.</summary>
/// <param name="Name">Its settings as text, "lr=0.001,weight_decay=0.05", used as a folder name; empty for none.</param>
/// <param name="Values">Its settings.</param>
public sealed record StudyTrial(string Name, IReadOnlyList<Given> Values)
{
    /// <summary>The only one of a study that varies nothing but its arms.</summary>
    public static StudyTrial Plain { get; } = new("", []);

    /// <summary>A combination with its name.</summary>
    public static StudyTrial Of(IReadOnlyList<Given> values)
    {
        var text = string.Join(',', values.Select(given => $"{given.Key}={given.Value}"));
        return new StudyTrial(string.Concat(text.Select(letter => char.IsAsciiLetterOrDigit(letter) || "-_+.=,".Contains(letter) ? letter : '_')), values);
    }
}

/// <summary>The plan of a study: arms, each run with every seed, on the same data.</summary>
/// <param name="Name">For people.</param>
/// <param name="Common">Settings of all arms.</param>
/// <param name="Arms">What is compared.</param>
/// <param name="Seeds">The seeds with which each arm is run.</param>
/// <param name="Baseline">The arm that the others are compared with.</param>
public sealed record StudyPlan(string Name, IReadOnlyList<Given> Common, IReadOnlyList<StudyArm> Arms, IReadOnlyList<int> Seeds, string Baseline)
{
    /// <summary>More data sets on which each network is tested: their test parts, or all images if they have none.</summary>
    public IReadOnlyList<string> TestOn { get; init; } = [];

    /// <summary>How many of the nearest are also re-ranked by the levels of an arm that has some; 0 for none.</summary>
    public int Rerank { get; init; }

    /// <summary>The temperature of cosine attention, by which the nearest of every arm are re-ranked too; 0 for not.</summary>
    public double RerankCosine { get; init; }

    /// <summary>The metrics to compare by, the first ones first; keys as in a run's <c>metrics.json</c>.</summary>
    public IReadOnlyList<string> Metrics { get; init; } = [MetricNames.Recall1, MetricNames.MapAtR];

    /// <summary>The combinations of settings that every arm is run with; each arm takes its best by the validation classes.</summary>
    public IReadOnlyList<StudyTrial> Trials { get; init; } = [StudyTrial.Plain];

    /// <summary>A study from options: the first arm is the baseline.</summary>
    /// <param name="name">For people.</param>
    /// <param name="common">What all arms have in common.</param>
    /// <param name="arms">Name and changes of each arm, in order.</param>
    /// <param name="seeds">The seeds with which each arm is run.</param>
    /// <exception cref="InputException">Everything that is wrong.</exception>
    public static StudyPlan Of(
        string name, TrainingOptions common, IEnumerable<KeyValuePair<string, TrainingOptions>> arms, IReadOnlyList<int> seeds)
    {
        ArgumentNullException.ThrowIfNull(common);
        StudyArm[] all = [.. arms.Select(arm => new StudyArm(arm.Key, [.. arm.Value.Given()]))];
        return new StudyPlan(name, [.. common.Given()], all, seeds, all.Length > 0 ? all[0].Name : "").Checked();
    }

    /// <summary>The complete settings of a run with one of the combinations, by default the first.</summary>
    /// <exception cref="InputException">Everything that is wrong with them.</exception>
    public RunSettings SettingsOf(StudyArm arm, int seed, StudyTrial? trial = null)
    {
        ArgumentNullException.ThrowIfNull(arm);
        return RunSettings.Resolve([.. Common, .. (trial ?? Trials[0]).Values, .. arm.Changes, new Given("seeds", "seed", FormattableString.Invariant($"{seed}"))]);
    }

    /// <summary>Where a setting of a run stands, as in <c>study.toml:4: </c>; nothing where nobody has said it.</summary>
    internal string PlaceOf(StudyJob job, string key)
    {
        var given = Common.Concat(Trials.Single(trial => trial.Name == job.Trial).Values).Concat(Arms.Single(arm => arm.Name == job.Arm).Changes);
        return given.LastOrDefault(one => one.Key == key) is { Source: { Length: > 0 } source } ? $"{source}: " : "";
    }

    /// <summary>The same plan, with the keys of its metrics, after checking that each run can start and is distinct from the others.</summary>
    /// <exception cref="InputException">Everything that is wrong.</exception>
    internal StudyPlan Checked()
    {
        var problems = new TomlProblems();
        Check(problems, _ => Name);
        problems.ThrowIfAny();
        return Named();
    }

    /// <summary>The same plan, with the keys of its metrics in place of other names of these.</summary>
    internal StudyPlan Named() => this with { Metrics = [.. Metrics.Select(metric => MetricNames.KeyOf(metric) ?? metric).Distinct()] };

    /// <summary>Notes everything that is wrong: with the plan, and with the settings of each arm.</summary>
    /// <param name="problems">Where to note it.</param>
    /// <param name="place">Where something stands, by its key, as in <c>arms.NAME.compare_with</c>.</param>
    internal void Check(TomlProblems problems, Func<string, string> place)
    {
        foreach (var (key, message) in OwnProblems().Concat(ArmProblems()).Concat(TrialProblems()))
        {
            problems.Add($"{place(key)}: {message}");
        }

        foreach (var (arm, trial) in from arm in Arms from trial in Trials select (arm, trial))
        {
            try
            {
                _ = SettingsOf(arm, Seeds.FirstOrDefault(), trial);
            }
            catch (InputException refused)
            {
                string[] sources = [.. Common.Concat(trial.Values).Concat(arm.Changes).Select(given => given.Source).Where(source => source.Length > 0)];

                foreach (var problem in refused.Message.Split(Environment.NewLine))
                {
                    problems.Add(sources.Any(source => problem.StartsWith(source, StringComparison.Ordinal)) ? problem : $"{place($"arms.{arm.Name}")}: the arm '{arm.Name}': {problem}");
                }
            }
        }
    }

    private IEnumerable<(string Key, string Message)> ArmProblems()
    {
        if (Arms.Count == 0)
        {
            yield return ("arms", "there are no arms; give each a table, as in [arms.baseline] with levels = 0.");
        }
        else if (Arms.All(arm => arm.Name != Baseline))
        {
            yield return ("baseline", $"the baseline '{Baseline}' is not one of the arms {string.Join(", ", Arms.Select(arm => arm.Name))}.");
        }

        foreach (var arm in Arms.Where(arm => !arm.Name.All(letter => char.IsAsciiLetterOrDigit(letter) || "-_+.".Contains(letter)) || arm.Name.Trim('.').Length == 0))
        {
            yield return ($"arms.{arm.Name}", $"the arm '{arm.Name}' is not a valid folder name; use letters, digits, '-', '_', '+' and '.'.");
        }

        foreach (var same in Arms.GroupBy(arm => arm.Name, StringComparer.OrdinalIgnoreCase).Where(same => same.Count() > 1))
        {
            yield return ($"arms.{same.Last().Name}", $"there are {same.Count()} arms called '{same.Key}'; give each its own name.");
        }

        foreach (var (arm, other) in from arm in Arms from other in arm.CompareWith where other == arm.Name || Arms.All(one => one.Name != other) select (arm, other))
        {
            yield return ($"arms.{arm.Name}.compare_with", $"the arm '{arm.Name}' is to be compared with '{other}', which is not another arm{(Arms.Count > 1 ? CoreSettings.Nearest(Arms.Where(one => one != arm).Select(one => one.Name), other) : "")}.");
        }
    }

    private IEnumerable<(string Key, string Message)> TrialProblems()
    {
        string[] varied = [.. Trials.SelectMany(trial => trial.Values).Select(given => given.Key).Distinct()];

        foreach (var (arm, key) in from arm in Arms from key in varied where arm.Changes.Any(given => given.Key == key) select (arm, key))
        {
            yield return ($"arms.{arm.Name}.{key}", $"the arm '{arm.Name}' sets '{key}', which every arm is to vary; leave it out of one of the two.");
        }

        foreach (var same in Trials.GroupBy(trial => trial.Name, StringComparer.OrdinalIgnoreCase).Where(same => same.Count() > 1))
        {
            yield return ("grid", $"the combination '{same.Key}' is there {same.Count()} times; give each value once.");
        }
    }

    private IEnumerable<(string Key, string Message)> OwnProblems()
    {
        if (Seeds.Count == 0 || Seeds.Distinct().Count() < Seeds.Count || Seeds.Any(seed => seed < 0))
        {
            yield return ("seeds", "seeds must be a number of seeds, or a list of distinct seeds, 0 or greater, as in seeds = [0, 1, 2].");
        }

        (string Table, IEnumerable<Given> Settings)[] tables = [("base", Common), .. Arms.Select(arm => ($"arms.{arm.Name}", arm.Changes)), ("grid", Trials.SelectMany(trial => trial.Values))];

        foreach (var (table, _) in tables.Where(table => table.Settings.Any(given => given.Key == "seed")))
        {
            yield return ($"{table}.seed", "'seed' is what the study varies: leave it out of the settings, and give seeds = [...] instead.");
        }

        foreach (var metric in Metrics.Where(metric => MetricNames.KeyOf(metric) is null))
        {
            yield return ("metrics", $"'{metric}' is not a metric that a run measures{MetricNames.Suggestion(metric)}. {MetricNames.Recorded}.");
        }

        if (Metrics.Count == 0)
        {
            yield return ("metrics", $"names no metric to compare by. {MetricNames.Recorded}.");
        }

        if (Rerank < 0)
        {
            yield return ("rerank", $"rerank = {Rerank}: must be how many of the nearest to re-rank by the levels, or 0.");
        }

        if (RerankCosine < 0 || (RerankCosine > 0 && Rerank == 0))
        {
            yield return ("rerank_cosine", FormattableString.Invariant($"rerank_cosine = {RerankCosine}: must be a temperature above 0, beside a rerank that says how many of the nearest to re-rank; or leave it out."));
        }

        foreach (var data in TestOn.Where(data => !ImageDatasets.EmbeddedNames.Contains(data) && !Path.Exists(data)))
        {
            yield return ("test_on", $"test_on: {data} does not exist.");
        }
    }
}
