using CondEmbed.Evaluation;

namespace CondEmbed.Reports;

/// <summary>What happened during training, as charts over the steps.</summary>
internal static class CurveSection
{
    /// <summary>With more, lines cannot be told apart.</summary>
    private const int MostRecalls = 5;

    private const string Living =
        "Levels, on a few images of the batch: a level lives if its attention differs with the image that asks (variation well above 0) and chooses among places (entropy below 1). Near 0 and 1 it is dead: a mean of all places, whoever asks.";

    public static Html Draw(RunReport report)
    {
        var smoothed = report.Steps.Count >= 40 ? "Thick line: running mean over a twenty-fifth of the run; thin line: the logged values." : "";
        var best = report.BestStep > 0 ? $" Best MAP@R on the validation classes: step {Readable.Count(report.BestStep)}." : "";
        return Html.Of($"""
            <div class="charts">{Charts(report).Select(SvgChart.Draw)}</div>
            <p class="note">{smoothed}{best}</p>{(report.Levels.Count > 0 ? Html.Of($"<p class=\"note\">{Living}</p>") : default)}

            """);
    }

    private static IEnumerable<Chart> Charts(RunReport report)
    {
        yield return new Chart("Loss", Losses(report.Steps)) { Smooth = true };
        yield return new Chart("Validation classes", [.. Followed(report.Validations).Select(key => ChartSeries.Of(MetricNames.Display(key), report.Validations, key))]) { IsPercent = true };
        yield return new Chart("Learning rate", [ChartSeries.Of("learning rate", report.Steps, step => step.LearningRate)]);
        yield return new Chart("Gradient norm", [ChartSeries.Of("norm", report.Steps, step => step.GradientNorm)]) { Smooth = true };

        if (report.Levels.Count > 0)
        {
            yield return OfLevels(report, "Similarity on the levels", "positive", "negative");
            yield return OfLevels(report, "Entropy of attention", "entropy");
            yield return OfLevels(report, "Variation of attention", "variation");
        }
    }

    /// <summary>The total loss, and its terms if there is more than one.</summary>
    private static List<ChartSeries> Losses(IReadOnlyList<StepEntry> steps)
    {
        var names = steps.SelectMany(step => step.Terms.Keys).Distinct(StringComparer.Ordinal).ToList();
        List<ChartSeries> losses = [ChartSeries.Of("total", steps, step => step.Loss)];
        if (names.Count > 1)
        {
            losses.AddRange(names.Select(name => ChartSeries.Of(name, steps.Where(step => step.Terms.ContainsKey(name)), step => step.Terms[name])));
        }
        return losses;
    }

    /// <summary>The measures of those kinds, a line for each level.</summary>
    private static Chart OfLevels(RunReport report, string title, params string[] kinds)
    {
        var names = report.Levels.SelectMany(entry => entry.Measures.Keys).Distinct().Where(name => kinds.Contains(name.Split('_')[^1]));
        return new Chart(title, [.. names.Select(name => ChartSeries.Of(kinds.Length > 1 ? name.Replace('_', ' ') : name.Split('_')[0], report.Levels, name))]) { Smooth = true };
    }

    /// <summary>Recall at the first K, and MAP@R.</summary>
    private static IEnumerable<string> Followed(IReadOnlyList<ValidationEntry> validations)
    {
        var last = validations.Count == 0 ? new Dictionary<string, double>() : validations[^1].Metrics;
        var recalls = MetricNames.Order(last, last).Where(key => key.StartsWith("recall@", StringComparison.Ordinal) && !key.Contains('_'));
        return [.. recalls.Take(MostRecalls), MetricNames.MapAtR];
    }
}
