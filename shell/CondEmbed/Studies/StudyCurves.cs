using CondEmbed.Evaluation;
using CondEmbed.Reports;

namespace CondEmbed.Studies;

/// <summary>How the arms learn: each metric of the validation classes over the steps, the mean over the seeds and its interval.</summary>
internal static class StudyCurves
{
    /// <summary>The interval of two values is meaningless, and would hide the lines.</summary>
    private const int FewestForBand = 3;

    internal static Html Draw(StudyResults results)
    {
        var charts = results.Metrics.Select(metric => new Chart(
            MetricNames.Display(metric), [.. results.Arms.Select(arm => Series(results, arm.Name, metric)).Where(series => series.Points.Count > 0)])
        { IsPercent = true });
        return results.Runs.All(run => run.Curve.Count == 0)
            ? Html.Of($"<p class=\"none\">There were no validation classes.</p>")
            : Html.Of($"""
                <div class="charts">{charts.Select(SvgChart.Draw)}</div>
                <p class="note">Lines: means over the seeds; bands: their 95 % intervals. The distance of two lines is known better than the bands suggest, since the seeds are paired.</p>
                """);
    }

    private static ChartSeries Series(StudyResults results, string arm, string metric)
    {
        var byStep = results.Runs.Where(run => run.Arm == arm)
            .SelectMany(run => run.Curve)
            .Where(point => point.Metrics.ContainsKey(metric))
            .GroupBy(point => point.Step, point => 100 * point.Metrics[metric])
            .OrderBy(step => step.Key)
            .Select(step => (Step: step.Key, Estimate: Estimate.Of(step)))
            .ToArray();
        return new ChartSeries(arm, [.. byStep.Select(step => new ChartPoint(step.Step, step.Estimate.Mean))])
        {
            Band = [.. byStep.Where(step => step.Estimate.Count >= FewestForBand).Select(step => new ChartRange(step.Step, step.Estimate.Low, step.Estimate.High))],
        };
    }
}
