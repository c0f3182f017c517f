using System.Diagnostics;
using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Options;
using CondEmbed.Reports;

namespace CondEmbed.Runs;

/// <summary>What a run measures and records.</summary>
internal static class RunMeasures
{
    /// <summary>Recall@1 always; other K from the settings, or else those customary for the data.</summary>
    internal static EvaluationOptions Options(RunSettings settings, IImageDataset dataset)
    {
        var asked = settings.Host.RecallDepths;
        var depths = asked.Count > 0 ? asked : dataset.RecallAt ?? MetricNames.RecallOfRuns;
        return new EvaluationOptions { RecallAt = [.. depths.Append(1).Distinct().Order()], Clustering = settings.Host.Clustering, Seed = settings.Core.Seed };
    }

    /// <summary>All metrics except the variants over possible queries, by name.</summary>
    internal static Dictionary<string, double> Kept(RetrievalMetrics metrics) =>
        metrics.Values.Where(pair => !pair.Key.EndsWith("_possible_only", StringComparison.Ordinal)).ToDictionary(pair => pair.Key, pair => pair.Value);

    /// <summary>The names under which a run keeps what it measures of its data.</summary>
    internal static IReadOnlyList<string> Keys(RunSettings settings, IImageDataset dataset)
    {
        var options = Options(settings, dataset);
        var byColumn = options.RecallDepths.Select(k => FormattableString.Invariant($"recall@{k}")).Append(MetricNames.MapAtR);
        return
        [
            .. QueryMeasure.Of(options).Select(measure => measure.Name).Where(name => !name.EndsWith("_possible_only", StringComparison.Ordinal)),
            .. options.Clustering ? ClusterAgreement.Metrics.Select(metric => metric.Key) : [],
            .. dataset.LabelColumns.SelectMany(column => byColumn.Select(key => MetricNames.By(key, column.Name))),
        ];
    }

    internal static RunCost Cost(Session session, Progress state) =>
        new(state.Seconds / state.Step, PeakMemory(), session.EmbeddingParameters, session.TrainingParameters) { Waiting = Waiting(state), TrainedParameters = session.TrainedParameters };

    /// <summary>How many numbers the parameters have, in words.</summary>
    internal static string Parameters(long atTestTime, long whileTraining, long? trained) =>
        $"{Readable.Count(atTestTime)} at test time, {Readable.Count(whileTraining)} while training{(trained is { } some && some < whileTraining ? $", of which {Readable.Count(some)} are trained" : "")}";

    /// <summary>The fraction of the training time in which no batch was ready.</summary>
    internal static double Waiting(Progress state) => Share(state.Waited, state.Seconds);

    /// <summary>The same, since an earlier point.</summary>
    internal static double Waiting(Progress state, Progress before) => Share(state.Waited - before.Waited, state.Seconds - before.Seconds);

    /// <summary>The peak memory of this process, in bytes.</summary>
    internal static long PeakMemory()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }

    private static double Share(double waited, double seconds) => seconds > 0 ? Math.Clamp(waited / seconds, 0, 1) : 0;
}
