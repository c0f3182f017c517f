using CondEmbed.Options;
using CondEmbed.Reports;
using CondEmbed.Storage;

namespace CondEmbed.Comparisons;

/// <summary>Reads a run folder.</summary>
internal static class RunReading
{
    /// <summary>The runs, each under the shortest unique end of its path.</summary>
    /// <exception cref="InputException">One is not a run folder, or two are the same.</exception>
    internal static IReadOnlyList<ComparedRun> Of(IReadOnlyList<string> folders)
    {
        string[] roots = [.. folders.Select(folder => Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)))];

        if (roots.GroupBy(root => root).FirstOrDefault(same => same.Count() > 1) is { } twice)
        {
            throw new InputException($"{twice.Key}: given twice; give each run once.");
        }

        return [.. roots.Zip(Names(roots), Read)];
    }

    /// <summary>As many trailing folders of each path as make it unique.</summary>
    internal static IEnumerable<string> Names(string[] roots)
    {
        string[][] parts = [.. roots.Select(root => root.Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))];
        return parts.Select(own => Enumerable.Range(1, own.Length)
            .Select(count => End(own, count))
            .First(name => name.Length == End(own, own.Length).Length || parts.Count(other => End(other, own.Length) != End(own, own.Length) && End(other, Depth(name)) == name) == 0));

        static string End(string[] parts, int count) => string.Join('/', parts.TakeLast(count));
        static int Depth(string name) => name.Count(letter => letter == '/') + 1;
    }

    private static ComparedRun Read(string root, string name)
    {
        var folder = new RunFolder(root);

        if (!File.Exists(folder.Settings))
        {
            throw RunFolder.NoRun(root);
        }

        foreach (var file in new[] { folder.Settings, folder.Metrics, folder.Log, folder.Fingerprint })
        {
            folder.Demand(file);
        }

        var log = File.Exists(folder.Log) ? LogReader.Read(folder.Log) : new RunLog([]);
        var metrics = File.Exists(folder.Metrics) ? MetricsFile.Read(folder.Metrics) : null;
        var nothing = new Dictionary<string, double>();
        var end = log.Entries.OfType<EndEntry>().LastOrDefault(entry => entry.Reason == "finished");
        var start = log.Entries.OfType<StartEntry>().FirstOrDefault();
        var isFinished = end is not null && metrics?.Origin is not null;
        var settings = TomlSettings.Read(folder.Settings).ToDictionary(given => given.Key, given => given.Value);
        return new ComparedRun
        {
            Name = name,
            Folder = root,
            Dataset = metrics?.Dataset ?? "",
            Data = File.Exists(folder.Fingerprint) ? File.ReadAllText(folder.Fingerprint).Trim() : "",
            Subset = metrics?.Subset,
            Published = metrics?.Published,
            IsImported = start?.Imported is not null,
            Version = start?.Version ?? "",
            IsFinished = isFinished,
            Step = log.Entries.Count == 0 ? 0 : log.Entries.Max(entry => entry.Step),
            Steps = start?.Steps ?? 0,
            BestStep = isFinished ? metrics!.BestStep : 0,
            Settings = settings,
            Before = metrics?.Before ?? nothing,
            Last = isFinished ? metrics!.After : nothing,
            Best = isFinished ? metrics!.Best ?? nothing : nothing,
            Validations = log.Validations,
            Log = log.Steps,
            SecondsPerStep = end?.Cost?.SecondsPerStep ?? Pace(log.Steps, settings),
            Cost = end?.Cost,
            Origin = metrics?.Origin,
            Classes = isFinished && File.Exists(folder.Classes) ? Classes(folder.Classes) : new Dictionary<string, ComparedClass>(),
        };
    }

    /// <summary>For a run under way: its batch size over the median images per second.</summary>
    private static double? Pace(IReadOnlyList<StepEntry> steps, IReadOnlyDictionary<string, string> settings) =>
        RunLog.MedianPace(steps.Where(step => step.ImagesPerSecond > 0)) is > 0 and var pace
        && int.TryParse(settings.GetValueOrDefault("batch"), CultureInfo.InvariantCulture, out var batch) ? batch / pace : null;

    /// <summary>Reads what <see cref="ClassReport"/> writes.</summary>
    private static Dictionary<string, ComparedClass> Classes(string path)
    {
        var records = DelimitedText.Read(path);

        if (records.Count == 0 || records[0].Fields is not ["class", "queries", "queries_without_match", ..] || records.Any(record => record.Fields.Length != records[0].Fields.Length))
        {
            throw new InputException($"{path}: not a run's table of classes. Delete it to compare the runs without their classes.");
        }

        if (Repeated(records[0].Fields) is { } column)
        {
            throw Wrong($"two columns are called '{column}'");
        }

        if (Repeated(records.Skip(1).Select(record => record.Fields[0])) is { } one)
        {
            throw Wrong($"the class '{one}' has two lines");
        }

        return records.Skip(1).ToDictionary(record => record.Fields[0], record => new ComparedClass(Whole(record.Fields[1]), Values(records[0].Fields, record)));

        int Whole(string text) => int.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : throw Wrong($"'{text}' is not a number");

        Dictionary<string, double> Values(string[] names, DelimitedRecord record) =>
            names.Zip(record.Fields).Skip(3).Where(cell => cell.Second.Length > 0).ToDictionary(cell => cell.First, cell =>
                double.TryParse(cell.Second, CultureInfo.InvariantCulture, out var value) ? value : throw Wrong($"'{cell.Second}' is not a number"));

        InputException Wrong(string problem) => new($"{path}: {problem}. Delete the file to compare the runs without their classes.");

        static string? Repeated(IEnumerable<string> names) => names.GroupBy(name => name).FirstOrDefault(same => same.Skip(1).Any())?.Key;
    }
}
