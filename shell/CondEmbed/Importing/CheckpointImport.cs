using CondEmbed.Datasets;
using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Reports;
using CondEmbed.Runs;
using CondEmbed.Storage;
using CondEmbed.Torch;
using CondEmbed.WeightFiles;

namespace CondEmbed.Importing;

/// <summary>
/// Makes a run of a network that another program trained, with its head: pytorch-metric-learning's trunk and embedder, open-metric-learning's and Lightning's checkpoints, timm's and torchvision's
/// networks whose last layer makes the embeddings.
/// </summary>
public static class CheckpointImport
{
    /// <summary>Writes a run folder with the network, which everything that reads a finished run takes. With data, its test part is measured as after a training.</summary>
    /// <param name="options">The checkpoint.</param>
    /// <param name="progress">Called while images are measured.</param>
    /// <param name="cancellationToken">Ends the measuring; nothing is written then.</param>
    /// <exception cref="InputException">The checkpoint cannot be read, is not such a network, or is not clear; the data is not as it must be; or the folder is not empty.</exception>
    public static ImportedRun Run(ImportOptions options, IProgress<RunProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        Native.ensure();
        var network = ForeignNetwork.Of(options);
        using var session = Session.ForEmbedding(network.Settings.Core, Device.choose(network.Settings.Host.Device));
        var report = session.Load(network.Parameters);

        if (!report.Fits || report.Fresh.Count > 0)
        {
            throw new InputException($"{options.Checkpoint}: does not fit the encoder '{network.Settings.Core.Encoder}'.\n{report}");
        }

        var folder = RunFolder.Create(options.Out, network.Settings, TimeProvider.System);

        try
        {
            var measured = options.Data is null ? null : Measure(session, network.Settings, progress, cancellationToken);
            Write(folder, session, network, measured, options.Command ?? "");
            string[] notes = [.. network.Notes, .. report.Changed, Views.Describe(network.Settings)];
            return new ImportedRun(folder.Root, network.Settings.Core.Encoder, network.Settings.Core.Embedding, notes, measured is null ? null : RunMeasures.Kept(measured.Outcome.Metrics));
        }
        catch
        {
            folder.RemoveUnbegun();
            throw;
        }
    }

    private sealed record Measured(RunData Data, TestOutcome Outcome);

    private static Measured Measure(Session session, RunSettings settings, IProgress<RunProgress>? progress, CancellationToken cancellationToken)
    {
        var data = RunData.Open(settings).Checked(settings.Host.SkipBad, settings.Host.Workers, cancellationToken: cancellationToken);
        var meter = new ProgressMeter(progress, settings.Core.Batch);
        var pass = new EmbeddingPass(session, Views.ForTesting(settings), new LoaderOptions(settings.Host.Workers));
        var outcome = pass.OnTest(
            data.Dataset, data.Split, data.Reader, RunMeasures.Options(settings, data.Dataset), done => meter.Report("evaluating", done, data.Split.Test.Count), cancellationToken);
        return new Measured(data, outcome);
    }

    /// <summary>The settings come last, since they mark the folder as a run.</summary>
    private static void Write(RunFolder folder, Session session, ForeignNetwork network, Measured? measured, string command)
    {
        folder.Sums.Replace(folder.LastWeights, path => ModelFile.Write(path, session, network.Settings, 0));

        if (measured is not null)
        {
            var metrics = RunMeasures.Kept(measured.Outcome.Metrics);
            var origin = new RunOrigin(FrozenWeights.SumOf(session.EmbeddingWeights()), "");
            var written = new RunMetrics(measured.Data.Dataset.Name, 0, new Dictionary<string, double>(), metrics) { Subset = measured.Data.Subset, Published = measured.Data.Published, Origin = origin };
            folder.Sums.Replace(folder.Metrics, path => MetricsFile.Write(path, written));
            folder.Sums.Replace(folder.Classes, path => ClassReport.Write(path, measured.Outcome.Metrics, new ClassIndex(measured.Data.Dataset.Items.Select(item => item.Label)).Names));
            AtomicFile.WriteText(folder.Fingerprint, measured.Data.Fingerprint());
        }

        using (var log = new LogWriter(folder.Log))
        {
            log.Write(new StartEntry(0, command, About.Version) { Data = measured?.Data.Summary(), Imported = network.Files });
            log.Write(new EndEntry(0, "finished"));
        }

        AtomicFile.WriteText(folder.Settings, TomlSettings.Write(network.Settings));
        folder.Sums.Keep(folder.Fingerprint, folder.Log, folder.Settings);
    }
}
