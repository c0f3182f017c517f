using System.Security.Cryptography;
using System.Text;
using CondEmbed.Datasets;
using CondEmbed.Images;
using CondEmbed.Reports;

namespace CondEmbed.Training;

/// <summary>The data of a run: pictures, how their classes are divided, and the numbers of the training classes.</summary>
public sealed class RunData
{
    private RunData(IImageDataset dataset, ClassSplit split)
    {
        Dataset = dataset;
        Split = split;
        Reader = new PictureReader(dataset, cache: new DecodedCache());
        TrainClasses = new ClassIndex(split.Train.Select(item => dataset.Items[item].Label));
    }

    /// <summary>The pictures.</summary>
    public IImageDataset Dataset { get; }

    /// <summary>Which pictures are for training, validation and test; no class is in two of them.</summary>
    public ClassSplit Split { get; }

    /// <summary>Reads pictures through a cache of decoded ones.</summary>
    public PictureReader Reader { get; }

    /// <summary>The training classes by number.</summary>
    public ClassIndex TrainClasses { get; }

    /// <summary>Opens the data of the settings and divides it.</summary>
    /// <exception cref="InputException">The data is not there, is malformed, or cannot be divided.</exception>
    public static RunData Open(Config config)
    {
        var dataset = ImageDatasets.Open(config.Data);
        return new RunData(dataset, ClassSplit.Make(dataset, SplitOf(config)));
    }

    /// <summary>Leaves out pictures that cannot be used.</summary>
    public RunData Without(IReadOnlyCollection<int> bad)
    {
        if (bad.Count == 0)
        {
            return this;
        }

        return new RunData(Dataset, Split.Without(bad));
    }

    /// <summary>
    /// A hash over the names, classes and parts of all pictures: what a run that goes on must find again.
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
            hash.AppendData(Encoding.UTF8.GetBytes($"{Dataset.Items[item].Path}\t{Dataset.Items[item].Label}\t{part[item]}\n"));
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

        return new DataSummary(Dataset.Name, parts, $"Divided by: {Split.Rule}.");
    }

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

    private DataPart Part(string name, IReadOnlyList<int> items) =>
        new(name, items.Select(item => Dataset.Items[item].Label).Distinct(StringComparer.Ordinal).Count(), items.Count);
}
