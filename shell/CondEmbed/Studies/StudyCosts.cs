using CondEmbed.Reports;

namespace CondEmbed.Studies;

/// <summary>The time and memory costs of the arms, relative to the baseline.</summary>
internal static class StudyCosts
{
    private const double Megabyte = 1 << 20;

    internal static Html Draw(StudyResults results)
    {
        var rows = results.Arms.Select(arm => Html.Of($"<tr><th>{arm.Name}</th><td>{Text(arm.SecondsPerStep, 1000)}</td><td class=\"strong\">{Ratio(arm.TimeRatio)}</td><td>{Text(arm.PeakMemory, 1 / Megabyte)}</td><td class=\"strong\">{Ratio(arm.MemoryRatio)}</td><td>{Readable.Count(arm.TrainingParameters)}</td><td>{Readable.Count(arm.TestParameters)}</td></tr>\n"));
        var atOnce = results.Environment.GetValueOrDefault("Runs at once") is { } count and not "1" ? $" {count} runs shared the machine, which slows each." : "";
        return Html.Of($"""
            <div class="card scroll"><table><thead><tr><th>arm</th><th>ms a step</th><th>ratio</th><th>peak memory, MB</th><th>ratio</th><th>parameters while training</th><th>at test time</th></tr></thead><tbody>
            {rows}</tbody></table></div>
            <p class="note">Ratios to {results.Baseline} with the same seed, mean over the seeds. Time is that of training steps with the reading of their images, without evaluations; memory is the most that the process held.{atOnce}
            At test time all arms compute the same.</p>
            """);
    }

    private static string Text(Estimate? estimate, double factor) => estimate is null ? "" : Readable.Number(factor * estimate.Mean, 4);

    private static string Ratio(Estimate? estimate) => estimate is null ? "" : FormattableString.Invariant($"{estimate.Mean:0.00}");
}
