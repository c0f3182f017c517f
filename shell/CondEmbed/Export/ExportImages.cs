using CondEmbed.Datasets;
using CondEmbed.Options;
using CondEmbed.Runs;

namespace CondEmbed.Export;

/// <summary>The images that an export is checked on: of the run's own data where it is there, else embedded emoji.</summary>
/// <param name="Dataset">The images.</param>
/// <param name="Split">Its test part is what the export is checked on.</param>
/// <param name="Missing">Why these are not the run's own images; null where they are.</param>
internal sealed record ExportImages(IImageDataset Dataset, ClassSplit Split, string? Missing)
{
    internal ImageReader Reader { get; } = new(Dataset);

    /// <summary>Images of the test part, evenly spread over it, up to a limit.</summary>
    internal IReadOnlyList<int> Some(int most)
    {
        var all = Split.Test;
        var count = Math.Min(most, all.Count);
        return [.. Enumerable.Range(0, count).Select(i => all[(int)((long)i * all.Count / count)])];
    }

    internal static ExportImages Of(RunSettings settings, int workers, CancellationToken cancellationToken)
    {
        try
        {
            var data = RunData.Open(settings);
            // What the run left out of its data is not there to be embedded either.
            data = settings.Host.SkipBad ? data.Checked(skipBad: true, workers, cancellationToken: cancellationToken) : data;
            return data.Split.Test.Count > 0
                ? new ExportImages(data.Dataset, data.Split, null)
                : throw new InputException($"{data.Dataset.Name}: has no test part.");
        }
        catch (InputException problem)
        {
            var emoji = EmojiDataset.Open();
            return new ExportImages(emoji, ClassSplit.ForEvaluation(emoji), problem.Message);
        }
    }
}
