using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Models;
using CondEmbed.Pairs;
using CondEmbed.Runs;
using CondEmbed.Storage;

namespace CondEmbed.Studies;

/// <summary>Tests a finished run on the further data sets of a study and with re-ranking, and stores the result in the run folder as <c>tests.json</c>.</summary>
internal static class MoreTests
{
    private static readonly Lock OneAtATime = new();

    /// <summary>Measures what is not measured yet.</summary>
    internal static void Measure(StudyPlan plan, StudyJob job, CancellationToken cancellationToken)
    {
        lock (OneAtATime)
        {
            var known = Read(job);
            var before = known.Count;

            foreach (var data in plan.TestOn.Where(data => !known.ContainsKey(StudyMeasures.On(data, chosen: false))))
            {
                if (HasBest(job))
                {
                    known[StudyMeasures.On(data, chosen: true)] = Tested(data, job, best: true, cancellationToken);
                }

                known[StudyMeasures.On(data, chosen: false)] = Tested(data, job, best: false, cancellationToken);
            }

            if (plan.Rerank > 0 && job.Settings.Core.Levels > 0 && !known.ContainsKey(StudyMeasures.Reranked(plan.Rerank)))
            {
                using var model = ConditionalModel.Load(job.Folder, job.Settings.Host.Device, HasBest(job));
                known[StudyMeasures.Reranked(plan.Rerank)] = Reranked(model, plan.Rerank, job, cancellationToken);
            }

            if (plan.RerankCosine > 0 && StudyMeasures.RerankedByCosine(plan.Rerank, plan.RerankCosine) is var byCosine && !known.ContainsKey(byCosine))
            {
                using var model = ConditionalModel.WithCosine(job.Folder, plan.RerankCosine, job.Settings.Host.Device, HasBest(job));
                known[byCosine] = Reranked(model, plan.Rerank, job, cancellationToken);
            }

            if (known.Count > before)
            {
                AtomicFile.WriteText(FileOf(job), JsonSerializer.Serialize(known, JsonStyle.Indented));
            }
        }
    }

    /// <summary>Metrics by what was measured.</summary>
    /// <exception cref="InputException">The file cannot be read.</exception>
    internal static Dictionary<string, Dictionary<string, double>> Read(StudyJob job) =>
        File.Exists(FileOf(job)) ? JsonFile.Read<Dictionary<string, Dictionary<string, double>>>(FileOf(job), "a run's further tests", "Delete it, and they are measured again.") : [];

    private static string FileOf(StudyJob job) => Path.Combine(job.Folder, "tests.json");

    /// <summary>A further data set and its test part.</summary>
    /// <exception cref="InputException">It cannot be opened, or has only one class.</exception>
    internal static (IImageDataset Dataset, ClassSplit Split) Open(string data)
    {
        var dataset = ImageDatasets.Open(data, new DatasetOptions { AllowSubset = true });
        return (dataset, ClassSplit.ForEvaluation(dataset));
    }

    private static Dictionary<string, double> Tested(string data, StudyJob job, bool best, CancellationToken cancellationToken)
    {
        using var model = EmbeddingModel.Load(job.Folder, job.Settings.Host.Device, best);
        var (dataset, split) = Open(data);
        var options = RunMeasures.Options(job.Settings, dataset);
        return RunMeasures.Kept(model.Evaluate(dataset, split, options, job.Settings.Host.Workers, cancellationToken: cancellationToken));
    }

    private static Dictionary<string, double> Reranked(ConditionalModel model, int k, StudyJob job, CancellationToken cancellationToken)
    {
        var data = RunData.Open(job.Settings);
        var options = RunMeasures.Options(job.Settings, data.Dataset) with { Clustering = false };
        var metrics = model.Evaluate(data.Dataset, data.Split, new RerankOptions(k), options, job.Settings.Host.Workers, cancellationToken: cancellationToken);
        var kept = RunMeasures.Kept(metrics.Reranked);
        kept[StudyMeasures.RerankingTime] = metrics.Cost.RerankingMs;
        return kept;
    }

    private static bool HasBest(StudyJob job) => File.Exists(new RunFolder(job.Folder).BestWeights);
}
