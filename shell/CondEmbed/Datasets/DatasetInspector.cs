namespace CondEmbed.Datasets;

/// <summary>Examines every image of a data set, and shows some.</summary>
public sealed class DatasetInspector
{
    private const int SheetColumns = 8;
    private const int SheetClasses = 48;

    private static readonly EvalTransform Thumbnail = new(112, 112);
    private static readonly Rgb TrainFrame = new(40, 110, 200);
    private static readonly Rgb ValidationFrame = new(60, 160, 90);
    private static readonly Rgb TestFrame = new(230, 130, 30);

    private readonly IImageDataset dataset;
    private readonly ImageReader reader;
    private readonly ClassSplit? split;
    private readonly string rule;

    /// <summary>Inspects a data set as divided by some rule; if it cannot be divided, that is one of the findings.</summary>
    public DatasetInspector(IImageDataset dataset, SplitOptions? options = null)
    {
        this.dataset = dataset ?? throw new ArgumentNullException(nameof(dataset));
        reader = new ImageReader(dataset);
        try
        {
            split = ClassSplit.Make(dataset, options);
            rule = split.Rule;
        }
        catch (InputException problem)
        {
            rule = problem.Message;
        }
    }

    /// <summary>Reads and decodes every image.</summary>
    /// <param name="workers">Threads; 0 for one per core.</param>
    /// <param name="progress">Called about 200 times, from any thread, the last time with everything done.</param>
    /// <param name="cancellationToken">Ends the work with an OperationCanceledException.</param>
    public DatasetInspection Run(int workers = 0, IProgress<RunProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var seen = new Seen[dataset.Count];
        var check = ImageCheck.Each("inspecting", [.. Enumerable.Range(0, dataset.Count)], image => Look(image, out seen[image]), workers, progress, cancellationToken);
        return Findings(seen, check.Bad);
    }

    /// <summary>
    /// An image of each of some classes, spread evenly over them. Frames: blue for training, green for validation, orange for test, none
    /// if there is no split. A legend explains them.
    /// </summary>
    /// <param name="bad">Images to leave out.</param>
    /// <exception cref="InputException">No image can be shown.</exception>
    public RgbImage Sheet(IReadOnlyList<BadImage> bad)
    {
        ArgumentNullException.ThrowIfNull(bad);
        var good = new ImageCheck(dataset.Count, bad).Good(Enumerable.Range(0, dataset.Count));
        if (good.Count == 0)
        {
            throw new InputException($"{dataset.Name}: none of the {dataset.Count} images can be shown");
        }

        (IReadOnlyList<int> Images, Rgb Frame, string Meaning)[] parts =
            split is null ? [] : [(split.Train, TrainFrame, "training"), (split.Validation, ValidationFrame, "validation"), (split.Test, TestFrame, "test")];
        var frames = parts.SelectMany(part => part.Images, (part, image) => (image, (Rgb?)part.Frame)).ToDictionary();
        var chosen = Preview.OnePerClass([.. good.Select(image => dataset.Items[image].Label)], SheetClasses).Select(place => good[place]);
        Tile[] tiles = [.. chosen.Select(image => new Tile(Thumbnail.Apply(reader.Read(image)), dataset.Items[image].Label, frames.GetValueOrDefault(image)))];
        return ContactSheet.Compose(
            tiles, SheetColumns, legend: [.. parts.Where(part => part.Images.Count > 0).Select(part => new LegendEntry(part.Frame, part.Meaning))]);
    }

    // Of an image that cannot be decoded, the file is seen before the exception says why.
    private void Look(int image, out Seen seen)
    {
        var file = dataset.Read(image);
        seen = Seen.Of(file);
        var decoded = reader.Decode(image, file);
        seen = seen with { Width = decoded.Width, Height = decoded.Height };
    }

    private DatasetInspection Findings(Seen[] seen, IReadOnlyList<BadImage> bad)
    {
        var items = dataset.Items;
        var good = seen.Where(image => image.Width > 0).ToList();
        return new DatasetInspection(
            dataset.Name,
            dataset.Kind,
            dataset.Subset,
            items.Count,
            items.Select(item => item.Label).Distinct(StringComparer.Ordinal).Count(),
            items.Select(item => item.Category).OfType<string>().Distinct(StringComparer.Ordinal).Count(),
            Spread.Of(items.CountBy(item => item.Label, StringComparer.Ordinal).Select(pair => pair.Value)) ?? new Spread(0, 0, 0),
            rule,
            split is null ? [] : [.. split.Parts.Select(part => new InspectedPart(part.Name, split.ClassesOf(part.Images), part.Images.Count))],
            Spread.Of(good.Select(image => image.Width)),
            Spread.Of(good.Select(image => image.Height)),
            seen.Sum(image => image.Bytes),
            seen.Select(image => image.Format).OfType<string>().CountBy(format => format)
                .OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal).ToDictionary(),
            bad,
            Duplicates.Of(items, [.. seen.Select(image => image.Hash)], split),
            dataset.Notices);
    }

    /// <summary>What was found about one image; without format and hash if its file could not be read.</summary>
    private readonly record struct Seen(long Bytes, string? Format, string? Hash)
    {
        internal int Width { get; init; }

        internal int Height { get; init; }

        internal static Seen Of(byte[] file) =>
            file.Length == 0 ? default : new Seen(file.Length, ImageFormat.Of(file), Convert.ToHexStringLower(SHA256.HashData(file)));
    }
}
