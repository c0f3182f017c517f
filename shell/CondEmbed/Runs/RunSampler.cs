using CondEmbed.Datasets;
using CondEmbed.Sampling;

namespace CondEmbed.Runs;

/// <summary>The sampler that the settings of a run ask for.</summary>
internal static class RunSampler
{
    /// <summary>The sampler of the training images.</summary>
    /// <exception cref="InputException">The training images cannot form such batches.</exception>
    internal static IBatchSampler Of(Config config, RunData data)
    {
        var items = data.Split.Train;
        var labels = data.TrainClasses.NumbersOf(items.Select(item => data.Dataset.Items[item].Label));
        var seed = (ulong)config.Seed;
        return config.Sampler switch
        {
            { IsPlain: true } => new ShuffledSampler(items, config.Batch, seed),
            { IsPairs: true } => new PairSampler(items, AlikeAmong(items, data), config.Batch, seed),
            { IsHierarchical: true } => new HierarchicalSampler(
                items, labels, Categories(config, data), config.Batch, config.PerClass, config.CategoriesPerBatch, config.BatchesPerCombination, seed),
            { IsCategoryBalanced: true } => new CategoryBalancedSampler(
                items, labels, Categories(config, data), config.Batch, config.PerClass, config.CategoriesPerBatch, seed),
            { IsMPerClass: true } => new MPerClassSampler(items, labels, config.Batch, config.PerClass, seed),
            var other => throw new System.Diagnostics.UnreachableException($"there is no sampler for {other}"),
        };
    }

    private static List<ImagePair> AlikeAmong(IReadOnlyList<int> items, RunData data)
    {
        var trained = items.ToHashSet();
        return [.. data.Dataset.Pairs!.Alike.Where(pair => trained.Contains(pair.First) && trained.Contains(pair.Second))];
    }

    private static string[] Categories(Config config, RunData data)
    {
        var images = data.Split.Train.Select(item => data.Dataset.Items[item]).ToArray();
        var without = images.Where(image => string.IsNullOrEmpty(image.Category)).ToArray();
        return without.Length == 0
            ? [.. images.Select(image => image.Category!)]
            : throw new InputException(
                $"sampler: '{Choices.word(config.Sampler)}' needs the category of every training image, but {without.Length} of {images.Length} have none (the first is "
                + $"{without[0].Path}). Use data that has categories, or sampler = m-per-class.");
    }
}
