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

        var count = StudyFile.Whole(lines.Place(path, "random.draws"), "draws", random.TryGetValue("draws", out var draws) ? draws : null);

        if (count is < 1 or > Most)
        {
            throw new InputException($"{lines.Place(path, "random.draws")}: [random] draws = {count}: must be how many combinations to draw, 1 to {Most}.");
        }

        var source = new Random(random.TryGetValue("seed", out var seed) ? StudyFile.Whole(lines.Place(path, "random.seed"), "seed", seed) : 0);
        var varied = TomlSettings.Flatten("", random).Where(value => value.Key is not ("draws" or "seed")).ToArray();
        Demand(varied.Select(value => (lines.Place(path, $"random.{value.Key}"), value.Key, value.Value)));
        return
        [
            .. Enumerable.Range(0, count).Select(_ => (IReadOnlyList<Given>)
            [
                .. varied.Select(value =>
                {
                    var place = lines.Place(path, $"random.{value.Key}");
                    return new Given(place, value.Key, Drawn(source, List(place, value.Key, value.Value)));
                }),
            ]),
        ];
    }

    /// <summary>Sees to it that each is a list of values.</summary>
    /// <exception cref="InputException">Some are no lists; all of them are named.</exception>
    private static void Demand(IEnumerable<(string Place, string Key, object? Value)> varied)
    {
        var problems = new TomlProblems();

        foreach (var (place, key, value) in varied)
        {
            _ = problems.Of(() => List(place, key, value), []);
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

        var (low, high) = (Convert.ToDouble(list[0], CultureInfo.InvariantCulture), Convert.ToDouble(list[1], CultureInfo.InvariantCulture));
        var share = source.NextDouble();
        var drawn = low > 0 && high > 0 ? low * Math.Pow(high / low, share) : low + ((high - low) * share);
        return list is [long, long]
            ? Math.Round(drawn).ToString(CultureInfo.InvariantCulture)
            : double.Parse(drawn.ToString("G3", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture);
    }

    private static TomlArray List(string place, string key, object? value) => value is TomlArray { Count: > 0 } list
        ? list
        : throw new InputException($"{place}: {key} = {TomlSettings.Text(value)}: must be a list of values to vary, as in lr = [3e-4, 1e-3].");
}
