using CondEmbed.Options;

namespace CondEmbed.Runs;

/// <summary>What is usual, but seldom meant, and so said when a run or a study begins.</summary>
internal static class RunNotices
{
    /// <summary>That the encoder, or what is frozen of it, starts from nothing; null where it does not, and for the small one, which is meant to.</summary>
    internal static string? OfStart(RunSettings settings)
    {
        var encoder = settings.Core.Encoder;
        var isSmall = ConfigModule.familyOf(encoder).IsSmall;
        // Where no encoder is named, the weights bring theirs.
        var isPublished = isSmall || ImageNet.EncoderOf.Any(pair => pair.Key == encoder || pair.Value == encoder);
        var remedy = $"To start from trained ones: {Wording.Setting("weights", isPublished ? ImageNet.Weights : "FILE")}.";
        return settings.Host.Weights.Length > 0 ? null
            : settings.Core.Freeze.Length > 0 ? $"what freeze names stays as it is drawn at random, for no weights are given. {remedy}"
            : isSmall ? null
            : $"the encoder {encoder} starts from random weights, for none are given. {remedy}";
    }

    /// <summary>That a whole pretrained network is trained on a CPU, for long, where its last stage would do; null where that is not so.</summary>
    internal static string? OfTime(RunSettings settings, long steps, string device) =>
        device != "cpu" || steps * settings.Core.Batch < LongOnCpu || settings.Core.Freeze.Length > 0 || !ConfigModule.familyOf(settings.Core.Encoder).IsResidual
            ? null
            : $"all of {settings.Core.Encoder} is trained, which takes hours on a CPU. Its last stage and the head alone take about a quarter of the time, from a file of what the other stages make of each image: {Wording.Setting("freeze", "trunk")} {Wording.Setting("trunk_cache", "maps")}.";

    /// <summary>Images seen in training from which on it is worth a word: a core takes half an hour for them.</summary>
    private const int LongOnCpu = 20_000;

    /// <summary>That images occur several times in a batch, since their classes have fewer than it takes of each; null where they do not.</summary>
    internal static string? OfBatches(RunSettings settings, RunData data)
    {
        var core = settings.Core;

        if (core.Sampler.IsPlain || core.Sampler.IsPairs)
        {
            return null;
        }

        int[] sizes = [.. data.Split.Train.CountBy(item => data.Dataset.Items[item].Label, StringComparer.Ordinal).Select(pair => pair.Value)];
        var small = sizes.Count(size => size < core.PerClass);
        return small == 0
            ? null
            : $"{small} of the {sizes.Length} classes to train on have fewer than {core.PerClass} images, the per_class of a batch: some of their images are several times in it. To take fewer of each: {Wording.Setting("per_class", "2")}.";
    }
}
