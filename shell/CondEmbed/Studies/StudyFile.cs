using CondEmbed.Evaluation;
using CondEmbed.Options;
using Tomlyn.Model;

namespace CondEmbed.Studies;

/// <summary>
/// Reads a study from TOML: <c>name</c>, <c>seeds</c> (a number or a list), <c>baseline</c> (the first arm if left out), <c>test_on</c>, <c>rerank</c>, <c>metrics</c>,
/// a table <c>[base]</c> of settings that all arms have in common, a table <c>[arms.NAME]</c> for each arm, and <c>[grid]</c> and <c>[random]</c> of what every arm is
/// run with.
/// </summary>
public static class StudyFile
{
    /// <summary>Every key of a study's file with its meaning, in order.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Keys { get; } =
    [
        new("name", "the title of the report; the file's name if left out"),
        new("seeds", "how many seeds (0, 1, ...), or a list of them: each arm is run with each; 5 if left out"),
        new("baseline", "the arm that the others are compared with; the first if left out"),
        new("test_on", "a list of more data sets to test each network on"),
        new("rerank", "K: measure also with the K nearest in the order of the levels; 0 for not, as if left out"),
        new("rerank_cosine", "a temperature, such as 0.2: re-rank these K of every arm also by cosine attention, which needs no levels; needs pooling mean"),
        new("metrics", $"a list of the metrics to compare by, the first ones first; [\"recall@1\", \"map_at_r\"] if left out. {MetricNames.Recorded}; their names on reports, such as MRR, are understood too"),
        new("base", "a table of the settings that all arms have in common"),
        new("grid", "a table of lists, as in lr = [3e-4, 1e-3]: every arm is run with every combination, and takes its best by the validation classes"),
        new("random", "the same for draws = N combinations, the same for every arm, from ranges such as lr = [1e-4, 1e-2] (by their logarithm if above 0) or lists to pick from; seed = 0 for others"),
        new("arms", "a table for each arm, [arms.NAME], with the settings in which it differs; compare_with = [\"NAME\"] compares it also with other arms"),
    ];

    private static readonly string[] Known = [.. Keys.Select(pair => pair.Key)];

    /// <summary>Whether a file describes a study rather than a run: it has arms or a base.</summary>
    /// <exception cref="InputException">It cannot be read or is not TOML.</exception>
    public static bool IsStudy(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return TomlSettings.Table(path, TomlSettings.TextOf(path)).Keys.Any(key => key is "arms" or "base");
    }

    /// <summary>The study of a file.</summary>
    /// <exception cref="InputException">Everything that is wrong with it.</exception>
    public static StudyPlan Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Parse(path, TomlSettings.TextOf(path));
    }

    /// <summary>The study of a text, with a name for it.</summary>
    /// <exception cref="InputException">Everything that is wrong with it.</exception>
    public static StudyPlan Parse(string path, string text)
    {
        var file = TomlSettings.Table(path, text);
        var lines = new TomlLines(text);
        var problems = new TomlProblems();

        foreach (var key in file.Keys.Where(key => !Known.Contains(key)))
        {
            problems.Add($"{lines.Place(path, key)}: '{key}' is not a setting of a study{CoreSettings.Nearest(Known, key)}; settings of runs go below [base] or [arms.NAME].");
        }

        T Read<T>(string key, Func<object?, T> read, T otherwise) => file.TryGetValue(key, out var given) ? problems.Of(() => read(given), otherwise) : otherwise;
        TomlTable Below(string key) => problems.Of(() => Part(lines.Place(path, key), file, key), []);

        StudyArm[] arms = [.. Below("arms").Select(arm => problems.Of(() => Arm(path, lines, arm.Key, arm.Value, problems), new StudyArm(arm.Key, [])))];
        var plan = new StudyPlan(
            Read("name", TomlSettings.Text, Path.GetFileNameWithoutExtension(path)),
            problems.Of(() => TomlSettings.SettingsOf(path, Below("base"), lines, "base.", problems), []),
            arms,
            Read("seeds", given => Seeds(lines.Place(path, "seeds"), given), [0, 1, 2, 3, 4]),
            Read("baseline", TomlSettings.Text, arms.FirstOrDefault()?.Name ?? ""))
        {
            TestOn = Read("test_on", Words, []),
            Rerank = Read("rerank", given => Whole(lines.Place(path, "rerank"), "rerank", given), 0),
            RerankCosine = Read("rerank_cosine", given => Number(lines.Place(path, "rerank_cosine"), "rerank_cosine", given), 0),
            Trials = problems.Of(() => StudyGrid.Read(path, Below("grid"), Below("random"), lines), [StudyTrial.Plain]),
            Metrics = Read("metrics", Words, [MetricNames.Recall1, MetricNames.MapAtR]),
        };
        plan.Check(problems, key => lines.Place(path, key));
        problems.ThrowIfAny();
        return plan.Named();
    }

    private static TomlTable Part(string path, TomlTable file, string key) =>
        !file.TryGetValue(key, out var part) ? []
        : part as TomlTable ?? throw new InputException($"{path}: '{key}' must be a table, as in [{key}].");

    private static StudyArm Arm(string path, TomlLines lines, string name, object settings, TomlProblems problems)
    {
        var table = settings as TomlTable ?? throw new InputException($"{lines.Place(path, $"arms.{name}")}: the arm '{name}' must be a table, as in [arms.{name}].");
        var others = table.TryGetValue("compare_with", out var given) ? Words(given) : [];
        table.Remove("compare_with");
        return new StudyArm(name, TomlSettings.SettingsOf(path, table, lines, $"arms.{name}.", problems)) { CompareWith = others };
    }

    private static int[] Seeds(string path, object? seeds) => seeds switch
    {
        long count and > 0 and <= 1000 => [.. Enumerable.Range(0, (int)count)],
        TomlArray list when list.All(seed => seed is long and >= 0 and <= int.MaxValue) => [.. list.Select(seed => Convert.ToInt32(seed, CultureInfo.InvariantCulture))],
        _ => throw new InputException($"{path}: seeds = {TomlSettings.Shown(seeds)}: must be a number of seeds, or a list of them, as in seeds = [0, 1, 2]{TomlTypes.Advice(seeds)}."),
    };

    internal static int Whole(string path, string key, object? number) => number is long and >= 0 and <= int.MaxValue
        ? Convert.ToInt32(number, CultureInfo.InvariantCulture)
        : throw new InputException($"{path}: {key} = {TomlSettings.Shown(number)}: must be a whole number of at least 0{TomlTypes.Advice(number)}.");

    private static double Number(string path, string key, object? number) => number is double or long
        ? Convert.ToDouble(number, CultureInfo.InvariantCulture)
        : throw new InputException($"{path}: {key} = {TomlSettings.Shown(number)}: must be a number{TomlTypes.Advice(number)}.");

    private static string[] Words(object? words) => TomlSettings.Text(words).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
