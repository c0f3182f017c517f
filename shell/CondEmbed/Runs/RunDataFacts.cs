using CondEmbed.Datasets;
using CondEmbed.Models;
using CondEmbed.Reports;

namespace CondEmbed.Runs;

/// <summary>What the report says about a run's data besides its counts.</summary>
internal sealed class RunDataFacts(RunData data, int seed)
{
    private const int Examples = 12;
    private const int ThumbnailSide = 96;

    /// <summary>Decoding every image of a large set again would take minutes.</summary>
    private const int Measured = 400;

    internal DataSummary Summary()
    {
        var summary = data.Summary();
        return summary with
        {
            Parts = [.. summary.Parts.Zip(data.Split.Parts, (part, of) => part with { PerClass = PerClass(of.Images), Examples = ExamplesOf(of.Images) })],
            Sizes = Sizes(data.Split.Images),
            ClassSizes = [.. CountsOf(data.Split.Images)],
            LeftOut = [.. data.LeftOut.Select(image => $"{image.Name}: {image.Reason}")],
        };
    }

    private IEnumerable<int> CountsOf(IReadOnlyList<int> items) =>
        items.CountBy(item => data.Dataset.Items[item].Label, StringComparer.Ordinal).Select(pair => pair.Value);

    private string PerClass(IReadOnlyList<int> items) => Spread.Of(CountsOf(items)) is { } spread ? Words(spread, "") : "";

    /// <summary>One image of each of some classes, drawn by the seed.</summary>
    private List<DataExample> ExamplesOf(IReadOnlyList<int> items) =>
    [
        .. Drawn(items).DistinctBy(item => data.Dataset.Items[item].Label, StringComparer.Ordinal).Take(Examples)
            .Select(item => new DataExample(data.Dataset.Items[item].Label, Thumbnails.Of(data.Reader.Read(item), ThumbnailSide))),
    ];

    private string Sizes(IReadOnlyList<int> items)
    {
        (int Width, int Height)[] sizes = [.. Drawn(items).Take(Measured).Select(SizeOf)];
        var of = sizes.Length == items.Count ? "" : $", measured on {sizes.Length} drawn at random";
        return Spread.Of(sizes.Select(size => size.Width)) is { } width && Spread.Of(sizes.Select(size => size.Height)) is { } height
            ? $"Images are {Words(width, " px")} wide and {Words(height, " px")} high{of}."
            : "";
    }

    private (int Width, int Height) SizeOf(int item)
    {
        var image = data.Reader.Read(item);
        return (image.Width, image.Height);
    }

    private IOrderedEnumerable<int> Drawn(IReadOnlyList<int> items) => items.OrderBy(item => SeededRandom.For(seed, item, 2).Bits());

    private static string Words(Spread spread, string unit) => spread.Min == spread.Max
        ? $"{Readable.Count(spread.Min)}{unit}"
        : FormattableString.Invariant($"{Readable.Count(spread.Min)} to {Readable.Count(spread.Max)}{unit} (median {spread.Median:0.#})");
}
