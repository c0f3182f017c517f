namespace CondEmbed.Comparisons;

/// <summary>Warnings about numbers that are not comparable between runs.</summary>
internal static class ComparisonWarnings
{
    internal static IEnumerable<string> Of(IReadOnlyList<ComparedRun> runs)
    {
        var first = runs[0];

        foreach (var run in runs.Skip(1).Where(run => run.Data != first.Data))
        {
            yield return $"{run.Name} uses other data than {first.Name} ({Named(run)}, {Named(first)}), or holds out other classes: their numbers are not comparable.";
        }

        foreach (var run in runs.Where(run => run.Subset is not null))
        {
            yield return $"{run.Name} was measured on a subset, so it is not comparable with published numbers: {run.Subset}.";
        }

        foreach (var run in runs.Where(run => !run.IsFinished))
        {
            yield return run.IsImported
                ? $"{run.Name} was imported without data: there is no test of it."
                : $"{run.Name} is not finished ({run.Step} of {run.Steps} steps): there is no test of it yet.";
        }

        if (runs.Select(run => run.Version).Where(version => version.Length > 0).Distinct().ToArray() is { Length: > 1 } versions)
        {
            yield return $"The runs were made by different versions of the program: {string.Join(", ", versions)}.";
        }
    }

    /// <summary>What can be concluded from single runs.</summary>
    internal static string Caution(IReadOnlyList<ComparedRun> runs)
    {
        var origins = runs.Select(run => run.Origin).ToArray();
        var isMatched = runs.Count > 1 && origins.All(origin => origin is not null) && origins.Distinct().Count() == 1;
        var matching = isMatched
            ? "The runs are matched: they started from the same encoder and head, and saw the same images in the same batches (their SHA-256 sums are equal). "
            : "";
        return matching + "One run of each is a single draw: with another seed the order may change. " + Wording.Of("A Study", "'condembed study'")
            + " repeats the settings with several seeds, and tells which differences are more than chance.";
    }

    private static string Named(ComparedRun run) => run.Dataset.Length == 0 ? "not measured yet" : run.Dataset;
}
