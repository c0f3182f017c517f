using System.Security.Cryptography;
using System.Text;
using CondEmbed.Datasets;
using CondEmbed.Images;
using CondEmbed.Reports;

namespace CondEmbed.Training;

/// <summary>The data of a run: pictures, how their classes are divided, and the numbers of the training classes.</summary>
public sealed class RunData
{
    private Action close = () => { };

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

    /// <summary>Which pictures are for training, validation and test; no class is in two of them.</summary>
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
        return new RunData(dataset, ClassSplit.Make(dataset, SplitOf(config)), new PictureReader(dataset, cache: new DecodedCache()));
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
    /// <param name="cache">Puts the pictures into a file of decoded ones, or finds them there, and reads them from it; null for none.</param>
    /// <exception cref="InputException">
    /// Some pictures cannot be used and are not to be left out (the message lists all of them), or those of a part can never be found.
    /// </exception>
    public RunData Checked(
        bool skipBad, int workers = 0, Action<string>? notice = null, Action<int, int>? progress = null, CancellationToken cancellation = default,
        PictureCacheOptions? cache = null)
    {
        int[] pictures = [.. Split.Train, .. Split.Validation, .. Split.Test];
        var relay = new Relay<CheckProgress>(at => progress?.Invoke(at.Done, at.Total));
        var (reader, check, letGo) = cache is null
            ? (Reader, PictureCheck.Run(Reader, pictures, workers, relay, cancellation), close)
            : Cached(cache, pictures, workers, relay, cancellation);

        if (!skipBad && check.Error() is { } error)
        {
            throw error;
        }

        foreach (var picture in check.Bad)
        {
            notice?.Invoke($"left out: {picture.Name}: {picture.Reason}");
        }

        var split = check.Bad.Count == 0 ? Split : Split.Without([.. check.Bad.Select(picture => picture.Index)]);
        var good = new RunData(Dataset, split, reader, check.Bad.Count) { LeftOut = check.Bad, close = letGo };
        good.DemandMatches("validation", good.Split.Validation, good.Split.Validation);
        good.DemandMatches("test", good.Split.Queries, good.Split.Gallery);
        return good;
    }

    /// <summary>The file of decoded pictures that the settings ask for; null for none.</summary>
    internal static PictureCacheOptions? CacheOf(Config config) =>
        config.Cache.Length == 0 ? null : new PictureCacheOptions(config.Cache, config.CacheSide, Views.ForTesting(config).Filter);

    /// <summary>Lets go of a file of decoded pictures.</summary>
    internal void Close() => close();

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

        return new DataSummary(Dataset.Name, parts, $"Divided by: {Split.Rule}.", Subset);
    }

    private (PictureReader Reader, PictureCheck Check, Action LetGo) Cached(
        PictureCacheOptions options, int[] pictures, int workers, IProgress<CheckProgress> progress, CancellationToken cancellation)
    {
        var cache = PictureCache.Open(Reader, options, pictures, workers, progress, cancellation);
        return (cache.Reader, cache.Check, cache.Dispose);
    }

    private static DatasetOptions OptionsOf(Config config) => new()
    {
        Layout = config.Layout,
        AllowSubset = config.AllowSubset,
        Boxes = config.Boxes,
    };

    private static SplitOptions SplitOf(Config config) => new()
    {
        Rule = config.Split switch
        {
            "hash" => SplitRule.Hash,
            "first-half" => SplitRule.FirstHalf,
            _ => SplitRule.Auto,
        },
        TrainShare = config.TrainShare,
        ValidationShare = config.ValidationShare,
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
