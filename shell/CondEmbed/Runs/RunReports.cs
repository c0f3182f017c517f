using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Health;
using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Reports;
using CondEmbed.Storage;
using CondEmbed.Torch;

namespace CondEmbed.Runs;

/// <summary>Gathers what the report of a run shows.</summary>
internal sealed class RunReports(RunFolder folder, RunSettings settings, string command, Session session, RunData data, CancellationToken cancellationToken)
{
    private const int Neighbours = 8;
    private const int Rows = 8;
    private const int ThumbnailSide = 96;
    private const double Gigabyte = 1e9;

    /// <summary>Writes the report, and the table of classes besides it.</summary>
    internal void Write(IReadOnlyDictionary<string, double> before, IReadOnlyDictionary<string, double> after, TestOutcome outcome, Progress state, RunCommunication? communication)
    {
        var log = LogReader.Read(folder.Log);
        var among = ReferenceEquals(outcome.Queries, outcome.Gallery);
        var nearest = NeighbourSearch.TopK(outcome.Queries, outcome.Gallery, Neighbours, excludeSelf: among);
        var groups = Groups(outcome);
        int[] shown = [.. groups.SelectMany(group => group.Queries).Select(query => query.Query).Distinct()];
        var confusions = new RunConfusions(data, outcome, nearest);
        ClassReport.Write(folder.Classes, outcome.Metrics, new ClassIndex(data.Dataset.Items.Select(item => item.Label)).Names);

        HtmlReport.Write(
            new RunReport
            {
                Title = folder.Name,
                Command = command,
                Data = new RunDataFacts(data, settings.Core.Seed).Summary(),
                Settings = Settings(),
                SettingsFile = TomlSettings.Write(settings),
                Environment = Environment(log, state, communication),
                Steps = log.Steps,
                Validations = log.Validations,
                Levels = log.Levels,
                MetricsBefore = before,
                BestStep = state.BestStep,
                MetricsAfter = after,
                Classes = confusions.Classes(),
                Confusion = confusions.Report(Thumbnail),
                Map = new RunMap(data, settings.Core.Seed).Draw(outcome, cancellationToken),
                Retrieval = [.. groups.Select(group => new RetrievalGroup(group.Title, group.Note, [.. group.Queries.Select(query => Row(query, nearest))]))],
                AttentionFigures = settings.Core.Levels == 0 ? [] : new RunAttentionFigures(session, settings, data).Groups(outcome, nearest, shown),
                Duration = TimeSpan.FromSeconds(state.Seconds),
                Finished = TimeProvider.System.GetLocalNow(),
            },
            folder.Report);
    }

    private List<ReportSetting> Settings()
    {
        var usual = RunSettings.StartFor(settings.Core.Encoder).Pairs().ToDictionary(pair => pair.Key, pair => pair.Value);
        return [.. settings.Pairs().Select(pair => new ReportSetting(pair.Key, pair.Value, usual.GetValueOrDefault(pair.Key) == pair.Value))];
    }

    private List<Fact> Environment(RunLog log, Progress state, RunCommunication? communication)
    {
        var (machine, native) = (MachineReader.Read(), Native.status());
        return
        [
            new("CondEmbed", About.Version),
            new("TorchSharp", $"{native.TorchSharp}, libtorch {native.Libtorch}"),
            new(".NET", RuntimeInformation.FrameworkDescription),
            new("System", $"{machine.System}, {machine.Architecture}"),
            new("Processor", $"{machine.Processor}, {machine.Cores} logical {(machine.Cores == 1 ? "core" : "cores")}, {string.Join(", ", machine.Instructions)}"),
            new("Memory", FormattableString.Invariant($"{machine.MemoryBytes / Gigabyte:0.0} GB; at most {RunMeasures.PeakMemory() / Gigabyte:0.00} GB were used")),
            new("Device", session.Device),
            new("Threads", $"{TorchSharp.torch.get_num_threads()}"),
            new("Seed", $"{settings.Core.Seed}"),
            new("Started", log.Entries.Count == 0 ? "" : FormattableString.Invariant($"{log.Entries[0].Time:yyyy-MM-dd HH:mm} UTC")),
            new("Training took", FormattableString.Invariant($"{Readable.Duration(TimeSpan.FromSeconds(state.Seconds))}, of which {100 * RunMeasures.Waiting(state):0.0} % waiting for images")),
            .. communication is null ? [] : new[] { new Fact("Processes", $"{communication}") },
            .. log.Entries.OfType<ResumeEntry>().Select(entry => entry.From).Where(from => from > 0).Distinct().Select(from =>
                new Fact("Continued", $"training continued from step {from}, with a new learning-rate schedule")),
            new("Metrics", MetricNames.Protocol(data.Split.AllAgainstAll) + (data.Dataset.Pairs is { } pairs ? $"; to be found: {pairs.Rule}" : "")),
            new("Parameters", RunMeasures.Parameters(session.EmbeddingParameters, session.TrainingParameters, session.TrainedParameters)),
        ];
    }

    /// <summary>Queries with a possible match from the worst and the best MAP@R, and some drawn at random.</summary>
    private (string Title, string Note, QueryOutcome[] Queries)[] Groups(TestOutcome outcome)
    {
        var ranked = outcome.Metrics.Outcomes.Where(query => query.Matches > 0).OrderBy(query => query.MapAtR).ThenByDescending(query => query.FirstHit).ToArray();
        var drawn = ranked.OrderBy(query => SeededRandom.For(settings.Core.Seed, query.Query, 0).Bits()).Take(Rows);

        return
        [
            ("Drawn at random", "What to expect of a query, good or bad.", [.. drawn]),
            ("Worst queries", "The lowest MAP@R: where to look for what the network misses.", [.. ranked.Take(Rows)]),
            ("Best queries", "The highest MAP@R.", [.. ranked.Reverse().Take(Rows)]),
        ];
    }

    private RetrievalRow Row(QueryOutcome query, Neighbours<float> nearest)
    {
        var item = data.Split.Queries[query.Query];
        var neighbours = nearest.Of(query.Query).ToArray().Zip(nearest.SimilaritiesOf(query.Query).ToArray(), (place, cosine) =>
        {
            var image = data.Split.Gallery[place];
            var found = data.Dataset.Items[image];
            return new Neighbour(Thumbnail(image), found.Label, found.Path, cosine, data.AreAlike(item, image));
        });

        return new RetrievalRow(Thumbnail(item), data.Dataset.Items[item].Label, data.Dataset.Items[item].Path, [.. neighbours], query.MapAtR);
    }

    private EncodedImage Thumbnail(int item) => Thumbnails.Of(data.Reader.Read(item), ThumbnailSide);
}
