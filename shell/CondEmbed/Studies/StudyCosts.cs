using CondEmbed.Reports;

namespace CondEmbed.Studies;

/// <summary>The time and memory costs of the arms, relative to the baseline.</summary>
internal static class StudyCosts
{
    private const double Megabyte = 1 << 20;

    /// <summary>What stands above the costs of an arm or a run.</summary>
    internal static readonly string[] Heads = ["ms a step", "ratio", "peak memory, MB", "ratio", "parameters while training", "at test time"];

    internal static Html Draw(StudyResults results)
    {
        var rows = results.Arms.Select(arm => Page.Row(arm.Name,
        [
            Html.Of($"<td>{Text(arm.SecondsPerStep, 1000)}</td><td class=\"strong\">{Ratio(arm.TimeRatio)}</td>"),
            Html.Of($"<td>{Text(arm.PeakMemory, 1 / Megabyte)}</td><td class=\"strong\">{Ratio(arm.MemoryRatio)}</td>"),
            Html.Of($"<td>{Readable.Count(arm.TrainingParameters)}</td><td>{Readable.Count(arm.TestParameters)}</td>"),
        ]));
        var atOnce = results.Environment.GetValueOrDefault("Runs at once") is { } count and not "1" ? $" {count} runs shared the machine, which slows each." : "";
        return Html.Of($"""
            {Page.Table(["arm", .. Heads], rows)}<p class="note">Ratios to {results.Baseline} with the same seed, mean over the seeds. Time is that of training steps with the reading of their images, without evaluations; memory is the most that the process held.{atOnce}
            At test time all arms compute the same.</p>
            """);
    }

    private static string Text(Estimate? estimate, double factor) => estimate is null ? "" : Readable.Number(factor * estimate.Mean, 4);

    private static string Ratio(Estimate? estimate) => estimate is null ? "" : FormattableString.Invariant($"{estimate.Mean:0.00}");
}
