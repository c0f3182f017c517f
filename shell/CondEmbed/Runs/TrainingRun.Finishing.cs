using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Reports;
using CondEmbed.Storage;
using CondEmbed.TensorBoard;

namespace CondEmbed.Runs;

/// <content>What a run leaves when its last step is done.</content>
internal sealed partial class TrainingRun
{
    /// <summary>The result, which the first process measures and writes; null in the others.</summary>
    private TrainingResult? Finish(IReadOnlyDictionary<string, double> before, RunCommunication? communication)
    {
        if (together.IsFirst)
        {
            Write(folder.LastLevels, folder.LastWeights);
        }

        var outcome = Tested();
        var best = state.BestStep == 0 || state.BestStep == state.Step ? outcome : TestedBest();
        return together.First(() => Finished(before, outcome, best, communication));
    }

    private TrainingResult Finished(IReadOnlyDictionary<string, double> before, TestOutcome outcome, TestOutcome outcomeOfBest, RunCommunication? communication)
    {
        var after = RunMeasures.Kept(outcome.Metrics);
        var best = state.BestStep == 0 ? null : RunMeasures.Kept(outcomeOfBest.Metrics);
        var origin = new RunOrigin(state.Network, state.Batches);
        var metrics = new RunMetrics(data.Dataset.Name, state.Step, before, after, best, state.BestStep) { Subset = data.Subset, Published = data.Published, Origin = origin };
        folder.Sums.Replace(folder.Metrics, path => MetricsFile.Write(path, metrics));

        if (settings.Host.Report)
        {
            meter.Report("writing the report", isDone: false);
            new RunReports(folder, settings, FirstCommand(), session, data, cancellationToken).Write(before, after, outcome, state, communication);
            meter.Report("writing the report", isDone: true);
        }

        WriteProjector(outcome);
        return new TrainingResult(folder.Root, state.Step, before, after, best, state.BestStep, settings.Host.Report ? folder.Report : null, data.Subset) { Communication = communication };
    }

    /// <summary>Writes the network as it is, and its levels.</summary>
    private void Write(string levels, string model)
    {
        folder.Sums.Replace(levels, path => LevelsFile.Write(path, session, state.Step));
        folder.Sums.Replace(model, path => ModelFile.Write(path, session, settings, state.Step, run.Frozen));
    }

    /// <summary>The test images for TensorBoard's projector, if asked for.</summary>
    private void WriteProjector(TestOutcome outcome)
    {
        if (settings.Host.Tensorboard)
        {
            var items = data.Split.Queries;
            Projector.Write(
                folder.TensorBoard,
                outcome.Queries,
                n => data.Dataset.Items[items[n]].Label,
                n => data.Dataset.Items[items[n]].Path,
                n => data.Reader.Read(items[n]));
        }
    }

    /// <summary>The command that started the run, also where this process went on with it.</summary>
    private string FirstCommand() => LogReader.Read(folder.Log).Entries.OfType<StartEntry>().FirstOrDefault()?.Command ?? run.Request.Command;

    private TestOutcome Tested() =>
        run.Pass.OnTest(data.Dataset, data.Split, data.Reader, RunMeasures.Options(settings, data.Dataset), done => meter.Report("evaluating", done, data.Split.Test.Count), cancellationToken);

    private TestOutcome TestedBest()
    {
        var (opened, saved, _) = ModelFile.Open(folder.BestWeights, settings.Host.Device);
        using var best = opened;
        return new EmbeddingPass(best, Views.ForTesting(saved), run.Workers, run.Trunk, together)
            .OnTest(data.Dataset, data.Split, data.Reader, RunMeasures.Options(settings, data.Dataset));
    }
}
