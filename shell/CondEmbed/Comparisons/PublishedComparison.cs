using CondEmbed.Evaluation;

namespace CondEmbed.Comparisons;

/// <summary>Runs on one published set, and beside them what others published on it. What was measured by another protocol is left out, with the reason.</summary>
/// <param name="Dataset">The name of the set.</param>
/// <param name="Runs">The runs that were measured on the whole set by its usual protocol: by name, what they are and their Recall@1 as a fraction.</param>
/// <param name="Results">What others published; empty where no run was measured as they did.</param>
/// <param name="Differences">How the runs differ from the published results besides the method, a sentence each.</param>
/// <param name="LeftOut">Why a run is not beside published results, a sentence each.</param>
public sealed record PublishedComparison(
    string Dataset, IReadOnlyList<PlacedRun> Runs, IReadOnlyList<PublishedResult> Results, IReadOnlyList<string> Differences, IReadOnlyList<string> LeftOut)
{
    private const string Usual = "Image size, pooling, batch and stopping differ, too, and most published results were chosen on the test classes.";

    /// <summary>The heads of <see cref="Rows"/>, before the source.</summary>
    internal static IReadOnlyList<string> Heads => ["result", "network", "D", "Recall@1 %"];

    /// <summary>A row for each run, and one for each published result with its source.</summary>
    internal IEnumerable<(IReadOnlyList<string> Cells, PublishedResult? Source)> Rows =>
    [
        .. Runs.Select(run => ((IReadOnlyList<string>)[run.Name, run.Encoder, Text(run.Features), Readable.Percent(run.Recall)], (PublishedResult?)null)),
        .. Results.Select(result => ((IReadOnlyList<string>)[$"published: {result.Method}", "ResNet-50", Text(result.Features), result.Recall[Dataset].ToString(CultureInfo.InvariantCulture)], (PublishedResult?)result)),
    ];

    /// <summary>What to know of the rows, in sentences.</summary>
    internal string Words => string.Join(' ', [.. Differences, .. Results.Count > 0 ? new[] { Usual } : [], .. LeftOut]);

    /// <summary>One for each published set among the runs that were tested, if anything is published of it. That a subset is not comparable is said wherever its numbers are.</summary>
    internal static IReadOnlyList<PublishedComparison> Of(IReadOnlyList<ComparedRun> runs) =>
        [.. runs.Where(run => run is { Published: not null, Subset: null } && run.Last.ContainsKey(MetricNames.Recall1) && PublishedResult.On(run.Published).Count > 0).GroupBy(run => run.Published!).Select(Of)];

    private static PublishedComparison Of(IGrouping<string, ComparedRun> same)
    {
        var told = same.Select(run => (Run: run, Reason: Reason(run))).ToList();
        var placed = told.Where(one => one.Reason is null).Select(one => one.Run).ToList();
        return new PublishedComparison(
            same.Key,
            [.. placed.Select(run => new PlacedRun(run.Name, run.Settings.GetValueOrDefault("encoder", ""), Features(run), run.Last[MetricNames.Recall1]))],
            placed.Count == 0 ? [] : PublishedResult.On(same.Key),
            [.. placed.SelectMany(Different)],
            [.. told.Where(one => one.Reason is not null).Select(one => $"{one.Run.Name} is not comparable with what is published on {same.Key}: {one.Reason}.")]);
    }

    /// <summary>Why a run was measured by another protocol than others use on the set; null if it was not.</summary>
    private static string? Reason(ComparedRun run)
    {
        string? Other(string key, string usual) => run.Settings.GetValueOrDefault(key, usual) is var given && given != usual ? given : null;
        return Other("split", "auto") is { } rule ? $"its classes were divided by another rule (split = {rule}), not as published"
            : Other("boxes", "false") is not null ? "its images were cropped to the bounding boxes (boxes = true), and published results are of whole images"
            : Other("label_match", "label") is { } match ? $"images count as alike by label_match = {match}, and not by class alone"
            : Other("pairs", "") is not null ? "images count as alike by a table of pairs, and not by class alone"
            : null;
    }

    private static IEnumerable<string> Different(ComparedRun run)
    {
        var encoder = run.Settings.GetValueOrDefault("encoder", "");
        if (!encoder.StartsWith("resnet50", StringComparison.Ordinal))
        {
            yield return $"{run.Name} has another network ({encoder}) than they have.";
        }

        if (run.IsImported)
        {
            yield return $"What {run.Name} was trained on, perhaps also the test classes, is not known here.";
            yield break;
        }

        if (run.Settings.GetValueOrDefault("weights", "").Length == 0)
        {
            yield return $"{run.Name} started from nothing, and they from ImageNet's weights.";
        }

        if (double.TryParse(run.Settings.GetValueOrDefault("validation_share"), CultureInfo.InvariantCulture, out var share) && share > 0)
        {
            yield return $"{run.Name} held back {Readable.Percent(share)} % of the training classes for validation, so it learnt from fewer than there are.";
        }
    }

    private static int? Features(ComparedRun run) =>
        int.TryParse(run.Settings.GetValueOrDefault("embedding"), CultureInfo.InvariantCulture, out var features) && features > 0 ? features : null;

    private static string Text(int? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "";
}

/// <summary>A run beside published results.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Encoder">Its encoder.</param>
/// <param name="Features">Features of an embedding; null for the pooled features themselves.</param>
/// <param name="Recall">Recall@1 of the test classes after the last step, as a fraction.</param>
public sealed record PlacedRun(string Name, string Encoder, int? Features, double Recall);
