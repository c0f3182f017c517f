using CondEmbed.Datasets;
using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Reports;

namespace CondEmbed.Runs;

/// <summary>The data of a run: images, how their classes are divided, and the numbers of the training classes.</summary>
public sealed class RunData
{
    private RunData(IImageDataset dataset, ClassSplit split, ImageReader reader, int bad = 0)
    {
        Subset = dataset.SubsetWithout(bad);
        Dataset = dataset;
        Split = split;
        Reader = reader;
        TrainClasses = new ClassIndex(split.Train.Select(item => dataset.Items[item].Label));
    }

    /// <summary>The images.</summary>
    public IImageDataset Dataset { get; }

    /// <summary>The name of the published set that the images are, or are a part of, such as CUB-200-2011; null for other data.</summary>
    public string? Published => Dataset.IsPublished ? Dataset.Kind : null;

    /// <summary>What is present of a published set that is incomplete or had bad images left out; null for other data.</summary>
    public string? Subset { get; }

    /// <summary>Which images are for training, validation and test; no class is in two of them, unless the settings allow it.</summary>
    public ClassSplit Split { get; }

    /// <summary>The images that <see cref="Checked"/> left out, since they cannot be used.</summary>
    public IReadOnlyList<BadImage> LeftOut { get; private init; } = [];

    /// <summary>Reads images through a cache of decoded ones.</summary>
    public ImageReader Reader { get; }

    /// <summary>The training classes by number.</summary>
    public ClassIndex TrainClasses { get; }

    /// <summary>Opens the data of the settings and divides it.</summary>
    /// <exception cref="InputException">The data is missing, malformed, or cannot be divided.</exception>
    public static RunData Open(RunSettings settings)
    {
        if (settings.Host.Data.Length == 0)
        {
            throw new InputException("data: none is named: the network was imported without data. Say which images to use.");
        }

        var dataset = ImageDatasets.Open(settings.Host.Data, OptionsOf(settings.Host));
        return new RunData(dataset, ClassSplit.Make(dataset, SplitOf(settings.Host)), new ImageReader(dataset, Views.Decoder(settings.Host), new DecodedCache()));
    }

    /// <summary>The same, after checking that the training images fill the batches that the settings ask for. No image is decoded.</summary>
    /// <exception cref="InputException">The data is missing, malformed, or cannot be divided, or does not fill batches.</exception>
    public static RunData OpenForTraining(RunSettings settings)
    {
        var data = Open(settings);
        data.DemandPairs(settings.Core);
        _ = RunSampler.Of(settings.Core, data);
        return data;
    }

    /// <summary>Everything that a data set holds out for test, or all of it when it has no roles; nothing to train on.</summary>
    public static RunData ForEvaluation(IImageDataset dataset) =>
        new(dataset, ClassSplit.ForEvaluation(dataset), new ImageReader(dataset, cache: new DecodedCache()));

    /// <summary>Decodes every image of the split and checks that there is something to find, so that neither fails half-way.</summary>
    /// <param name="skipBad">Whether to leave out images that cannot be used.</param>
    /// <param name="workers">Threads; 0 for one per core.</param>
    /// <param name="notice">Called with each image that is left out.</param>
    /// <param name="progress">Called with the number of images done, from any thread.</param>
    /// <param name="cancellationToken">Ends the check with an OperationCanceledException.</param>
    /// <exception cref="InputException">
    /// Some images cannot be used and may not be left out (the message lists all of them), or the images of a part can never be found.
    /// </exception>
    public RunData Checked(
        bool skipBad, int workers = 0, Action<string>? notice = null, IProgress<RunProgress>? progress = null, CancellationToken cancellationToken = default) =>
        CheckedBy(Look(workers, progress, cancellationToken), skipBad, notice);

    /// <summary>Decodes every image of the split.</summary>
    internal ImageCheck Look(int workers, IProgress<RunProgress>? progress, CancellationToken cancellationToken) => ImageCheck.Run(Reader, Split.Images, workers, progress, cancellationToken);

    /// <summary>
    /// Puts every image of the split into the cache file that the settings ask for, or finds them there; null if they ask for none. What is
    /// <see cref="CheckedBy"/> it reads from it, and must not outlive it.
    /// </summary>
    internal ImageCache? Cached(RunSettings settings, IProgress<RunProgress>? progress, CancellationToken cancellationToken) =>
        settings.Host.Cache.Length == 0
            ? null
            : ImageCache.Open(
                Reader, new ImageCacheOptions(settings.Host.Cache, settings.Host.CacheSide, settings.Host.Filter), Split.Images, settings.Host.Workers, progress, cancellationToken);

    /// <summary><see cref="Checked"/> by what was found earlier, with the images read by a reader of it, or as before.</summary>
    internal RunData CheckedBy(ImageCheck check, bool skipBad, Action<string>? notice, ImageReader? reader = null)
    {
        if (!skipBad && check.Error() is { } error)
        {
            throw error;
        }

        foreach (var image in check.Bad)
        {
            notice?.Invoke($"left out: {image.Name}: {image.Reason}");
        }

        var split = check.Bad.Count == 0 ? Split : Split.Without([.. check.Bad.Select(image => image.Index)]);
        var good = new RunData(Dataset, split, reader ?? Reader, check.Bad.Count) { LeftOut = check.Bad };
        split.DemandClasses(forTraining: Split.Train.Count > 0);
        good.DemandMatches("validation", split.Validation, split.Validation);
        good.DemandMatches("test", split.Queries, split.Gallery);
        return good;
    }

    /// <summary>What an earlier run with kept maps of frozen stages found in the images, if these have not changed.</summary>
    internal CheckedImages Known(RunSettings settings) => CheckedImages.In(settings.Host.TrunkCache, Dataset, Split.Images, Views.Decoder(settings.Host));

    /// <summary>Notices on how the data is divided, what was ignored, what test images show, and which settings have no effect on it.</summary>
    internal void Describe(RunSettings settings, Action<string> notice)
    {
        foreach (var line in Dataset.Notices)
        {
            notice(line);
        }

        notice(Split.Describe());

        if (Dataset.Pairs is { } pairs)
        {
            notice($"alike: {pairs.Rule}");
        }

        notice(Views.Describe(settings));

        if (settings.Host.AllowSubset && ImageDatasets.SubsetNotice(Dataset) is { } meaningless)
        {
            notice(meaningless);
        }

        if (settings.Host.SharedClasses && !SharesClasses)
        {
            notice($"{Dataset.Name}: training and test have no class in common: {Wording.Setting("shared_classes")} changes nothing");
        }
    }

    private bool SharesClasses => TrainClasses.Names.Intersect(Split.Test.Select(item => Dataset.Items[item].Label), StringComparer.Ordinal).Any();

    /// <summary>Checks that what is trained can do with pairs in place of classes, where the data has such.</summary>
    /// <exception cref="InputException">It cannot.</exception>
    internal void DemandPairs(Config config)
    {
        if (Dataset.Pairs is { } pairs && CoreSettings.ClassesProblem(config) is { } problem)
        {
            throw new InputException($"{Dataset.Name}: images are alike by {pairs.Rule}, which makes pairs and no classes, but {problem}");
        }

        if (Dataset.Pairs is { HasWeights: true } weighed && CoreSettings.WeightsProblem(config) is { } unweighted)
        {
            throw new InputException($"{Dataset.Name}: images are alike by {weighed.Rule}, and pairs weigh differently, but {unweighted}");
        }
    }

    /// <summary>B images of a batch of N -> B N marks of which of them are alike; null if classes say it.</summary>
    internal float[]? Marks(IReadOnlyList<int> images, IReadOnlyList<int> batch) => Dataset.Pairs?.Between(images, batch);

    /// <summary>Whether one image should be found by another.</summary>
    internal bool AreAlike(int image, int other) =>
        Dataset.Pairs?.AreAlike(image, other) ?? Dataset.Items[image].Label == Dataset.Items[other].Label;

    /// <summary>
    /// A hash over the names, classes, parts, lengths and boxes of all images, not over their bytes: a resumed run must find the same.
    /// </summary>
    public string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        foreach (var line in Lines())
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{line}\n"));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>What the fingerprint is made of: a line for each image, and for each way in which images may be alike.</summary>
    internal IEnumerable<string> Lines()
    {
        var part = new char[Dataset.Count];
        Mark(Split.Train, 't');
        Mark(Split.Validation, 'v');
        Mark(Split.Queries, 'q');
        Mark(Split.Gallery, 'g');
        IImagePairs[] relations = [.. Dataset.Pairs is { } own ? [own] : Array.Empty<IImagePairs>(), .. Dataset.LabelColumns.Select(column => column.Pairs)];

        for (var item = 0; item < Dataset.Count; item++)
        {
            var (path, label, _) = Dataset.Items[item];
            yield return $"{path}\t{label}\t{part[item]}\t{Dataset.LengthOf(item)}\t{Dataset.Items[item].Box}";

            foreach (var pairs in relations)
            {
                yield return $"{pairs.KeyOf(item)}";
            }
        }

        void Mark(IReadOnlyList<int> items, char letter)
        {
            foreach (var item in items)
            {
                part[item] = letter;
            }
        }
    }

    /// <summary>The parts with their sizes, for the report.</summary>
    public DataSummary Summary() => new(
        Dataset.Name,
        [.. Split.Parts.Select(part => new DataPart(part.Name, Split.ClassesOf(part.Images), part.Images.Count))],
        $"How it was divided: {Split.Rule}.",
        Subset)
    {
        SharesClasses = SharesClasses,
    };

    internal static DatasetOptions OptionsOf(HostSettings settings) => new()
    {
        Layout = settings.Layout,
        AllowSubset = settings.AllowSubset,
        Boxes = settings.Boxes,
        LabelMatch = settings.LabelMatch,
        LabelColumns = settings.LabelColumnNames,
        LabelOverlap = settings.LabelOverlap,
        LabelSeparator = settings.LabelSeparator,
        LabelWeights = settings.LabelWeights,
        Pairs = settings.Pairs,
    };

    private static SplitOptions SplitOf(HostSettings settings) => new()
    {
        Rule = settings.Split,
        TrainShare = settings.TrainShare,
        ValidationShare = settings.ValidationShare,
        SharedClasses = settings.SharedClasses,
    };

    private void DemandMatches(string part, IReadOnlyList<int> queries, IReadOnlyList<int> gallery)
    {
        if (Dataset.Pairs is { } pairs)
        {
            if (queries.Count > 0 && !pairs.HasMatch(queries, gallery))
            {
                throw new InputException($"{Dataset.Name}: no {part} image has another one to find that is like it by {pairs.Rule}, so nothing can be measured.");
            }

            return;
        }

        var searched = gallery.ToHashSet();
        var images = gallery.CountBy(item => Dataset.Items[item].Label).ToDictionary(StringComparer.Ordinal);
        bool CanBeMatched(int query) => images.GetValueOrDefault(Dataset.Items[query].Label) > (searched.Contains(query) ? 1 : 0);

        if (queries.Count > 0 && !queries.Any(CanBeMatched))
        {
            throw new InputException(
                $"{Dataset.Name}: no {part} image has another image of its class to find, so nothing can be measured. Each class needs at least 2 images.");
        }
    }
}
