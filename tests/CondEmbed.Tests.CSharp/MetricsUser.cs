using CondEmbed.Evaluation;
using CondEmbed.Models;
using CondEmbed.Sampling;
using CondEmbed.Search;

namespace CondEmbed.Tests.CSharp;

/// <summary>Metrics and samplers as C# uses them.</summary>
public static class MetricsUser
{
    /// <summary>The worst class of a set, and every value that was asked for.</summary>
    public static (long Worst, IReadOnlyDictionary<string, double> Values) Measure(float[] values, int dimension, long[] labels)
    {
        var options = new EvaluationOptions { RecallAt = [1, 10], CutOffs = [5], Variants = true, Clustering = true, Variances = [0.9] };
        var metrics = Retrieval.Evaluate(new Embeddings<float>(values, labels.Length, dimension), labels, options);
        return (metrics.Classes[0].Label, metrics.Values);
    }

    /// <summary>The first batch of a sampler of each kind, of two categories with two classes each.</summary>
    public static int[][] FirstBatches(int[] items, long[] labels, string[] categories)
    {
        IBatchSampler[] samplers =
        [
            new MPerClassSampler(items, labels, batch: 4, perClass: 2, seed: 1),
            new HierarchicalSampler(items, labels, categories, batch: 4, perClass: 1, categoriesPerBatch: 2, batchesPerCombination: 3, seed: 1),
            new CategoryBalancedSampler(items, labels, categories, batch: 4, perClass: 1, categoriesPerBatch: 2, seed: 1),
            new ShuffledSampler(items, batch: 4, seed: 1),
        ];
        return [.. samplers.Select(sampler => sampler.Batch(0))];
    }
}
