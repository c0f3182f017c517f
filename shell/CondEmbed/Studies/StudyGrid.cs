using CondEmbed.Options;
using Tomlyn.Model;

namespace CondEmbed.Studies;

/// <summary>The combinations of settings that <c>[grid]</c> and <c>[random]</c> of a study's file stand for.</summary>
internal static class StudyGrid
{
    private const int Most = 1000;

    /// <summary>Every combination of the grid with every draw; a single one without settings where neither is given.</summary>
    /// <exception cref="InputException">A value is not a list, a range is none, or there are too many.</exception>
    internal static IReadOnlyList<StudyTrial> Read(string path, TomlTable grid, TomlTable random, TomlLines lines)
    {
        IReadOnlyList<IReadOnlyList<Given>> combinations = [[]];

        var problems = new TomlProblems();

        foreach (var (key, value) in TomlSettings.Flatten("", grid))
        {
            var place = lines.Place(path, $"grid.{key}");
            Given[] choices = problems.Of<Given[]>(() => [.. List(place, key, value).Select(one => new Given(place, key, TomlSettings.Text(one)))], []);
            combinations = choices.Length == 0 ? combinations : [.. from before in combinations from choice in choices select (IReadOnlyList<Given>)[.. before, choice]];

            if (combinations.Count > Most)
            {
                problems.Add($"{lines.Place(path, "grid")}: [grid] has more than {Most} combinations.");
                break;
            }
        }

        var draws = problems.Of(() => Draws(path, random, lines), [[]]);
        problems.ThrowIfAny();
        return [.. from combination in combinations from draw in draws select StudyTrial.Of([.. combination, .. draw])];
    }

    private static IReadOnlyList<IReadOnlyList<Given>> Draws(string path, TomlTable random, TomlLines lines)
    {
        if (random.Count == 0)
        {
            return [[]];
        }

        var place = lines.Place(path, "random.draws");
        random.TryGetValue("draws", out var draws);

        if (draws is not (long and >= 1 and <= Most))
        {
            var given = draws is null ? "draws = N is missing" : $"draws = {TomlSettings.Shown(draws)}";
            throw new InputException($"{(draws is null ? lines.Place(path, "random") : place)}: [random] {given}: must be how many combinations to draw, 1 to {Most}{TomlTypes.Advice(draws)}.");
        }

        var source = new Random(random.TryGetValue("seed", out var seed) ? StudyFile.Whole(lines.Place(path, "random.seed"), "seed", seed) : 0);
        var varied = TomlSettings.Flatten("", random).Where(value => value.Key is not ("draws" or "seed")).ToArray();

        if (varied.Length == 0)
        {
            throw new InputException($"{place}: [random] varies nothing: add ranges, as in lr = [1e-4, 1e-2], or lists to pick from.");
        }

        Demand(varied.Select(value => (lines.Place(path, $"random.{value.Key}"), value.Key, value.Value)));
        IReadOnlyList<Given> Draw() =>
        [
            .. varied.Select(value =>
            {
                var at = lines.Place(path, $"random.{value.Key}");
                return new Given(at, value.Key, Drawn(source, List(at, value.Key, value.Value)));
            }),
        ];
        return Distinct(place, Convert.ToInt32(draws, CultureInfo.InvariantCulture), Draw);
    }

    /// <summary>So many combinations, each once: one that is drawn again is drawn anew.</summary>
    /// <exception cref="InputException">There are not so many.</exception>
    private static List<IReadOnlyList<Given>> Distinct(string place, int count, Func<IReadOnlyList<Given>> draw)
    {
        var found = new Dictionary<string, IReadOnlyList<Given>>(StringComparer.OrdinalIgnoreCase);

        for (var tries = 0; found.Count < count && tries < 100 * count; tries++)
        {
            var drawn = draw();
            found.TryAdd(StudyTrial.Of(drawn).Name, drawn);
        }

        return found.Count == count
            ? [.. found.Values]
            : throw new InputException($"{place}: [random] draws = {count}: there are no more than {found.Count} different combinations; draw as many, or give wider ranges.");
    }

    /// <summary>Sees to it that each is a list of values, and a range of two numbers in their order.</summary>
    /// <exception cref="InputException">Some are not; all of them are named.</exception>
    private static void Demand(IEnumerable<(string Place, string Key, object? Value)> varied)
    {
        var problems = new TomlProblems();

        foreach (var (place, key, value) in varied)
        {
            if (problems.Of(() => List(place, key, value), []) is [long or double, long or double] range && Number(range[0]) >= Number(range[1]))
            {
                problems.Add($"{place}: {key} = {TomlSettings.Shown(value)}: a range begins with its lower end, as in lr = [1e-4, 1e-2].");
            }
        }

        problems.ThrowIfAny();
    }

    /// <summary>From a range, two numbers: in three digits, by the logarithm where both are above zero, and whole where both are; otherwise one of the list.</summary>
    private static string Drawn(Random source, TomlArray list)
    {
        if (list is not [long or double, long or double])
        {
            return TomlSettings.Text(list[source.Next(list.Count)]);
        }

        var (low, high) = (Number(list[0]), Number(list[1]));
        var share = source.NextDouble();
        var drawn = low > 0 && high > 0 ? low * Math.Pow(high / low, share) : low + ((high - low) * share);
        return list is [long, long]
            ? Math.Round(drawn).ToString(CultureInfo.InvariantCulture)
            : double.Parse(drawn.ToString("G3", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture);
    }

    private static double Number(object? value) => Convert.ToDouble(value, CultureInfo.InvariantCulture);

    private static TomlArray List(string place, string key, object? value)
    {
        if (value is not TomlArray { Count: > 0 } list)
        {
            throw new InputException($"{place}: {key} = {TomlSettings.Shown(value)}: must be a list of values to vary, as in lr = [3e-4, 1e-3].");
        }

        return list.Select(one => TomlTypes.Problem(key, one)).FirstOrDefault(problem => problem is not null) is { } wrong
            ? throw new InputException($"{place}: {key}: {wrong}.")
            : list;
    }
}
