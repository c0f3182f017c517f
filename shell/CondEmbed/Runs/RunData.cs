using System.Security.Cryptography;
using System.Text;
using CondEmbed.Common;
using CondEmbed.Datasets;
using CondEmbed.Images;
using CondEmbed.Options;
using CondEmbed.Reports;

namespace CondEmbed.Runs;

/// <summary>The data of a run: pictures, how their classes are divided, and the numbers of the training classes.</summary>
public sealed class RunData
{
    private RunData(IImageDataset dataset, ClassSplit split, PictureReader reader, int bad = 0)
    {
        Subset = dataset.SubsetWithout(bad);
        Dataset = dataset;
        Split = split;
        Reader = reader;
        TrainClasses = new ClassIndex(split.Train.Select(item => dataset.Items[item].Label));
    }

    /// <summary>The pictures.</summary>
    public IImageDataset Dataset { get; }

    /// <summary>What is there of a published set that is not whole, or that bad pictures were left out of; null for other data.</summary>
    public string? Subset { get; }

    /// <summary>Which pictures are for training, validation and test; no class is in two of them, unless the settings allow it.</summary>
    public ClassSplit Split { get; }

    /// <summary>The pictures that <see cref="Checked"/> left out, since they cannot be used.</summary>
    public IReadOnlyList<BadPicture> LeftOut { get; private init; } = [];

    /// <summary>Reads pictures through a cache of decoded ones.</summary>
    public PictureReader Reader { get; }

    /// <summary>The training classes by number.</summary>
    public ClassIndex TrainClasses { get; }

    /// <summary>Opens the data of the settings and divides it.</summary>
    /// <exception cref="InputException">The data is not there, is malformed, or cannot be divided.</exception>
    public static RunData Open(Config config)
    {
        var dataset = ImageDatasets.Open(config.Data, OptionsOf(config));
        return new RunData(dataset, ClassSplit.Make(dataset, SplitOf(config)), new PictureReader(dataset, Views.Decoder(config), new DecodedCache()));
    }

    /// <summary>Everything that a data set holds out for test, or all of it when it has no roles; nothing to train on.</summary>
    public static RunData ForEvaluation(IImageDataset dataset) =>
        new(dataset, ClassSplit.ForEvaluation(dataset), new PictureReader(dataset, cache: new DecodedCache()));

    /// <summary>Decodes every picture of the split and sees to it that there is something to find, so that neither stops the work half-way.</summary>
    /// <param name="skipBad">Leave out those that cannot be used.</param>
    /// <param name="workers">Threads; 0 for one a core.</param>
    /// <param name="notice">Told of each picture that is left out.</param>
    /// <param name="progress">Told how many pictures of how many are done; from any thread, one call at a time.</param>
    /// <param name="cancellation">Ends the check with an OperationCanceledException.</param>
    /// <exception cref="InputException">
    /// Some pictures cannot be used and are not to be left out (the message lists all of them), or those of a part can never be found.
    /// </exception>
    public RunData Checked(
        bool skipBad, int workers = 0, Action<string>? notice = null, Action<int, int>? progress = null, CancellationToken cancellation = default) =>
        Without(PictureCheck.Run(Reader, [.. Pictures], workers, Relayed(progress), cancellation), Reader, skipBad, notice);

    /// <summary>
    /// Puts every picture of the split into the file of decoded ones that the settings ask for, or finds them there; null where they ask for none. What is
    /// <see cref="CheckedBy"/> it reads from it, and must not outlive it.
    /// </summary>
    internal PictureCache? Cached(Config config, Action<int, int>? progress, CancellationToken cancellation) =>
        config.Cache.Length == 0
            ? null
            : PictureCache.Open(
                Reader, new PictureCacheOptions(config.Cache, config.CacheSide, Views.ForTesting(config).Filter), [.. Pictures], config.Workers, Relayed(progress), cancellation);

    /// <summary><see cref="Checked"/> by what was found when the cache was made.</summary>
    internal RunData CheckedBy(PictureCache cache, bool skipBad, Action<string>? notice) => Without(cache.Check, cache.Reader, skipBad, notice);

    /// <summary>Says how the data is divided, what was passed over, what test pictures show, and which settings mean nothing for it.</summary>
    internal void Describe(Config config, Action<string> notice)
    {
        foreach (var line in Dataset.Notices)
        {
            notice(line);
        }

        notice(Split.Describe());
        notice(Views.Describe(config));

        if (config.AllowSubset && ImageDatasets.SubsetNotice(Dataset) is { } meaningless)
        {
            notice(meaningless);
        }

        if (config.SharedClasses && !SharesClasses)
        {
            notice($"{Dataset.Name}: training and test have no class in common: {Wording.Setting("shared_classes")} changes nothing");
        }
    }

    private bool SharesClasses => TrainClasses.Names.Intersect(Split.Test.Select(item => Dataset.Items[item].Label), StringComparer.Ordinal).Any();

    private IEnumerable<int> Pictures => [.. Split.Train, .. Split.Validation, .. Split.Test];

    private static SynchronousProgress<CheckProgress> Relayed(Action<int, int>? progress) => new(at => progress?.Invoke(at.Done, at.Total));

    private RunData Without(PictureCheck check, PictureReader reader, bool skipBad, Action<string>? notice)
    {
        if (!skipBad && check.Error() is { } error)
        {
            throw error;
        }

        foreach (var picture in check.Bad)
        {
            notice?.Invoke($"left out: {picture.Name}: {picture.Reason}");
        }

        var split = check.Bad.Count == 0 ? Split : Split.Without([.. check.Bad.Select(picture => picture.Index)]);
        var good = new RunData(Dataset, split, reader, check.Bad.Count) { LeftOut = check.Bad };
        split.DemandClasses(forTraining: Split.Train.Count > 0);
        good.DemandMatches("validation", split.Validation, split.Validation);
        good.DemandMatches("test", split.Queries, split.Gallery);
        return good;
    }

    /// <summary>
    /// A hash over the names, classes, parts, lengths and boxes of all pictures, not over their bytes: what a run that goes on must find again.
    /// </summary>
    public string Fingerprint()
    {
        var part = new char[Dataset.Count];
        Mark(Split.Train, 't');
        Mark(Split.Validation, 'v');
        Mark(Split.Queries, 'q');
        Mark(Split.Gallery, 'g');
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        for (var item = 0; item < Dataset.Count; item++)
        {
            var (path, label, _) = Dataset.Items[item];
            hash.AppendData(Encoding.UTF8.GetBytes($"{path}\t{label}\t{part[item]}\t{Dataset.LengthOf(item)}\t{Dataset.Items[item].Box}\n"));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Mark(IReadOnlyList<int> items, char letter)
        {
            foreach (var item in items)
            {
                part[item] = letter;
            }
        }
    }

    /// <summary>The parts with their sizes, for the report.</summary>
    public DataSummary Summary()
    {
        var parts = new List<DataPart> { Part("train", Split.Train), Part("validation", Split.Validation) };

        if (Split.AllAgainstAll)
        {
            parts.Add(Part("test", Split.Test));
        }
        else
        {
            parts.Add(Part("query", Split.Queries));
            parts.Add(Part("gallery", Split.Gallery));
        }

        return new DataSummary(Dataset.Name, parts, $"Divided by: {Split.Rule}.", Subset)
        {
            SharesClasses = SharesClasses,
        };
    }

    private static DatasetOptions OptionsOf(Config config) => new()
    {
        Layout = config.Layout,
        AllowSubset = config.AllowSubset,
        Boxes = config.Boxes,
    };

    private static SplitOptions SplitOf(Config config) => new()
    {
        // The names are the same.
        Rule = Enum.Parse<SplitRule>(config.Split.ToString()),
        TrainShare = config.TrainShare,
        ValidationShare = config.ValidationShare,
        SharedClasses = config.SharedClasses,
    };

    private void DemandMatches(string part, IReadOnlyList<int> queries, IReadOnlyList<int> gallery)
    {
        var searched = gallery.ToHashSet();
        var pictures = gallery.CountBy(item => Dataset.Items[item].Label).ToDictionary(StringComparer.Ordinal);
        bool CanBeMatched(int query) => pictures.GetValueOrDefault(Dataset.Items[query].Label) > (searched.Contains(query) ? 1 : 0);

        if (queries.Count > 0 && !queries.Any(CanBeMatched))
        {
            throw new InputException(
                $"{Dataset.Name}: no {part} picture has another one of its class to find, so nothing can be measured. Each class needs at least 2 pictures.");
        }
    }

    private DataPart Part(string name, IReadOnlyList<int> items) =>
        new(name, items.Select(item => Dataset.Items[item].Label).Distinct(StringComparer.Ordinal).Count(), items.Count);
}
