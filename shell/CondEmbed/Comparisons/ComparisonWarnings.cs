using CondEmbed.Common;

namespace CondEmbed.Comparisons;

/// <summary>Why the numbers of some runs may not be compared, in sentences.</summary>
internal static class ComparisonWarnings
{
    internal static IEnumerable<string> Of(IReadOnlyList<ComparedRun> runs)
    {
        var first = runs[0];

        foreach (var run in runs.Skip(1).Where(run => run.Data != first.Data))
        {
            yield return $"{run.Name} has other data than {first.Name} ({Named(run)}, {Named(first)}), or other classes held out: their numbers do not compare.";
        }

        foreach (var run in runs.Where(run => run.Subset is not null))
        {
            yield return $"{run.Name} was measured on a subset, so not to be compared with published numbers: {run.Subset}.";
        }

        foreach (var run in runs.Where(run => !run.IsFinished))
        {
            yield return $"{run.Name} is not finished ({run.Step} of {run.Steps} steps): there is no test of it yet.";
        }

        if (runs.Select(run => run.Version).Where(version => version.Length > 0).Distinct().ToArray() is { Length: > 1 } versions)
        {
            yield return $"The runs are of different versions of the program: {string.Join(", ", versions)}.";
        }
    }

    /// <summary>What may be concluded from single runs.</summary>
    internal static string Caution(IReadOnlyList<ComparedRun> runs)
    {
        var origins = runs.Select(run => run.Origin).ToArray();
        var isMatched = runs.Count > 1 && origins.All(origin => origin is not null) && origins.Distinct().Count() == 1;
        var matching = isMatched
            ? "The runs are matched: they began with the same encoder and head, and saw the same pictures in the same batches (their SHA-256 sums are equal). "
            : "";
        return matching + "One run of each is one draw: with another seed the order may be another. " + Wording.Of("A Study", "'condembed study'")
            + " repeats settings with several seeds, and says what their differences are worth.";
    }

    private static string Named(ComparedRun run) => run.Dataset.Length == 0 ? "not measured yet" : run.Dataset;
}
