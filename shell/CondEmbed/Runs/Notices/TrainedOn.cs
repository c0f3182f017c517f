using CondEmbed.Datasets;
using CondEmbed.Options;
using CondEmbed.Reports;
using CondEmbed.Storage;

namespace CondEmbed.Runs;

/// <summary>Tells of images and classes that are measured although a run has learnt from them, or chose its best step by them.</summary>
public static class TrainedOn
{
    /// <summary>A warning about other data that a run is to be measured on; null if they have nothing in common with what it learnt from, or that is not known.</summary>
    /// <param name="run">What was loaded: the run's folder, or another file of its network.</param>
    /// <param name="settings">Its settings.</param>
    /// <param name="data">What the other data was opened by.</param>
    /// <param name="measured">The other data.</param>
    public static string? Warning(string run, RunSettings settings, string data, RunData measured)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(measured);
        var folder = new RunFolder(run);

        // What another program trained an imported network on is not known.
        if (settings.Host.Data.Length == 0 || (File.Exists(folder.Log) && LogReader.Read(folder.Log).Entries.OfType<StartEntry>().FirstOrDefault()?.Imported is not null))
        {
            return null;
        }

        var fingerprint = File.Exists(folder.Fingerprint) ? File.ReadAllText(folder.Fingerprint).Trim() : null;
        RunData[] own = [.. new[] { settings.Host.Data, data }.Distinct().Select(place => Opened(settings, place)).OfType<RunData>()];
        var same = own.FirstOrDefault(candidate => candidate.Fingerprint() == fingerprint) ?? (own.Length > 0 && (ImageDatasets.IsEmbedded(settings.Host.Data) || Path.Exists(settings.Host.Data)) ? own[0] : null);
        return same is null ? null : Between(same, measured, settings.Host.SharedClasses);
    }

    /// <summary>The same, for the data that a run learns from, divided as for training.</summary>
    internal static string? Between(RunData own, RunData measured, bool sharesClasses)
    {
        int[] learnt = [.. own.Split.Train, .. own.Split.Validation];
        var images = learnt.Select(item => KeyOf(own.Dataset, item)).ToHashSet();
        var classes = learnt.Select(item => own.Dataset.Items[item].Label).ToHashSet(StringComparer.Ordinal);
        var known = measured.Split.Test.Where(item => images.Contains(KeyOf(measured.Dataset, item))).ToArray();
        string[] all = [.. measured.Split.Test.Select(item => measured.Dataset.Items[item].Label).Distinct(StringComparer.Ordinal)];
        string[] shared = [.. all.Where(classes.Contains)];

        if (known.Length > 0)
        {
            var of = known.Select(item => measured.Dataset.Items[item].Label).Distinct(StringComparer.Ordinal).Count();
            return $"warning: {measured.Dataset.Name}: {Readable.Count(known.Length)} of the {Readable.Count(measured.Split.Test.Count)} images measured, of {of} of the {all.Length} classes, are of the training or validation part that the run learnt from. The numbers say little of images that it has never seen.";
        }

        return shared.Length == 0 || sharesClasses
            ? null
            : $"warning: {measured.Dataset.Name}: {shared.Length} of the {all.Length} classes measured have the names of classes that the run learnt from ({string.Join(", ", shared.Take(3))}{(shared.Length > 3 ? ", ..." : "")}). If they are the same, the numbers say little of classes that it has never seen.";
    }

    /// <summary>An image is the same one, wherever its data lies, by its class, its name and its length.</summary>
    private static (string Label, string Name, long Length) KeyOf(IImageDataset dataset, int item) =>
        (dataset.Items[item].Label, Path.GetFileName(dataset.Items[item].Path), dataset.LengthOf(item));

    private static RunData? Opened(RunSettings settings, string place)
    {
        try
        {
            return RunData.Open(settings.With(changed => changed.Host.Data = place));
        }
        catch (InputException)
        {
            return null;
        }
    }
}
