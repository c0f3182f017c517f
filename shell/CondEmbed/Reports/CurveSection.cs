using CondEmbed.Common;
using CondEmbed.Evaluation;

namespace CondEmbed.Reports;

/// <summary>What happened during training, as charts over the steps.</summary>
internal static class CurveSection
{
    /// <summary>More lines cannot be told apart.</summary>
    private const int MostRecalls = 5;

    /// <summary>The section's content.</summary>
    public static Html Draw(RunReport report)
    {
        var smoothed = report.Steps.Count >= 40 ? "Thick: running mean over a twenty-fifth of the run; thin: the logged values." : "";
        var best = report.BestStep > 0 ? $" Best MAP@R on the validation classes: step {Readable.Count(report.BestStep)}." : "";
        return Html.Of($"""
            <div class="charts">{Charts(report).Select(SvgChart.Draw)}</div>
            <p class="note">{smoothed}{best}</p>

            """);
    }

    private static IEnumerable<Chart> Charts(RunReport report)
    {
        yield return new Chart("Loss", Losses(report.Steps)) { Smooth = true };
        yield return new Chart("Validation classes", [.. Followed(report.Validations).Select(key => Validation(report.Validations, key))]) { IsPercent = true };
        yield return new Chart("Learning rate", [Series(report.Steps, "learning rate", step => step.LearningRate)]);
        yield return new Chart("Gradient norm", [Series(report.Steps, "norm", step => step.GradientNorm)]) { Smooth = true };
    }

    /// <summary>The total, and its terms where there is more than the one that is the total.</summary>
    private static List<ChartSeries> Losses(IReadOnlyList<StepEntry> steps)
    {
        var names = steps.SelectMany(step => step.Terms.Keys).Distinct(StringComparer.Ordinal).ToList();
        List<ChartSeries> losses = [Series(steps, "total", step => step.Loss)];
        if (names.Count > 1)
        {
            losses.AddRange(names.Select(name => Series([.. steps.Where(step => step.Terms.ContainsKey(name))], name, step => step.Terms[name])));
        }
        return losses;
    }

    /// <summary>Recall at the first K, and MAP@R.</summary>
    private static IEnumerable<string> Followed(IReadOnlyList<ValidationEntry> validations)
    {
        var last = validations.Count == 0 ? new Dictionary<string, double>() : validations[^1].Metrics;
        var recalls = MetricNames.Order(last, last).Where(key => key.StartsWith("recall@", StringComparison.Ordinal) && !key.Contains('_'));
        return [.. recalls.Take(MostRecalls), MetricNames.MapAtR];
    }

    private static ChartSeries Validation(IReadOnlyList<ValidationEntry> validations, string key) =>
        new(
            MetricNames.Display(key),
            [.. validations.Where(entry => entry.Metrics.ContainsKey(key)).Select(entry => new ChartPoint(entry.Step, 100 * entry.Metrics[key]))]);

    private static ChartSeries Series(IReadOnlyList<StepEntry> steps, string name, Func<StepEntry, double> value) =>
        new(name, [.. steps.Select(step => new ChartPoint(step.Step, value(step)))]);
}
