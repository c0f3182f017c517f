using System.Diagnostics;
using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Reports;
using CondEmbed.Sampling;
using CondEmbed.Storage;
using CondEmbed.Teams;
using CondEmbed.Torch;
using CondEmbed.WeightFiles;

namespace CondEmbed.Runs;

/// <summary>One run, from its first or next step to its report.</summary>
/// <param name="run">What it works with, opened.</param>
/// <param name="meter">Told of every step.</param>
/// <param name="stop">Stops it after a step, saved.</param>
internal sealed partial class TrainingRun(OpenedRun run, ProgressMeter meter, CancellationTokenSource stop)
{
    private readonly CancellationToken cancellationToken = stop.Token;
    private readonly TeamWork together = run.Together;
    private readonly TrafficMeter traffic = new(run.Together);
    private readonly RunFolder folder = run.Folder;
    private readonly RunSettings settings = run.Settings;
    private readonly RunData data = run.Data;
    private readonly Session session = run.Session;
    private readonly int steps = run.Steps;
    private Progress state = run.Start;

    internal TrainingResult Execute()
    {
        try
        {
            TrainingResult result;

            using (var log = together.IsFirst ? OpenLog() : null)
            {
                result = Logged(log);
            }

            if (together.IsFirst)
            {
                folder.Sums.Keep(folder.Log, folder.Classes, folder.Report);
            }

            return result;
        }
        catch (Exception problem) when (FileProblem.IsFull(problem))
        {
            var step = CheckpointStore.Latest(folder.Checkpoints)?.Step ?? 0;
            throw new DiskException($"{folder.Root}: the run cannot be written: {FileProblem.Reason(problem)}. Free some space, then continue after step {step} with {Wording.Of($"Trainer.Resume(\"{folder.Root}\")", $"--resume {folder.Root}")}", problem);
        }
    }

    /// <summary>Trains, and evaluates and writes if this is the first process.</summary>
    private TrainingResult Logged(RunJournal? log)
    {
        try
        {
            var before = MeasuredBefore();

            if (before.Count > 0)
            {
                log?.Tested("test", 0, before);
            }

            TakeSteps(log);
            // Measured before the report, whose memory does not count as the training's.
            var cost = RunMeasures.Cost(session, state) with { Communication = traffic.Whole() };
            var result = Finish(before, cost.Communication);

            if (log is null || result is null)
            {
                return new TrainingResult(folder.Root, state.Step, before, before, null, 0, folder.Report);
            }

            log.Tested("test", result.Steps, result.After);

            if (result.Best is not null)
            {
                log.Tested("test_best", result.BestStep, result.Best);
            }

            log.Write(new EndEntry(state.Step, "finished") { Cost = cost });
            return result;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            log?.Write(new EndEntry(state.Step, "stopped"));
            throw new TrainingStoppedException(folder.Root, state.Step, cancellationToken);
        }
    }

    private RunJournal OpenLog()
    {
        folder.Sums.Forget(folder.Log);
        var log = new RunJournal(folder, settings, state.Step, run.Request.Listener);
        log.Write(run.Resumed
            ? new ResumeEntry(state.Step) { Steps = steps, From = state.From, Data = data.Summary() }
            : new StartEntry(steps, run.Request.Command, About.Version) { Data = data.Summary() });
        return log;
    }

    /// <summary>Measured at the start, unless the settings leave it out, and stored in the folder for a resumed run; empty in a process that does not write.</summary>
    private IReadOnlyDictionary<string, double> MeasuredBefore()
    {
        if (state.Step > 0)
        {
            return together.First(Kept) ?? new Dictionary<string, double>();
        }

        var before = settings.Host.InitialEvaluation
            ? InitialMetrics.Of(settings, state.Network, data.Fingerprint(), session.Device, together, () => Measured(Tested()), run.Request.Notice)
            : new Dictionary<string, double>();

        if (together.IsFirst)
        {
            var metrics = new RunMetrics(data.Dataset.Name, 0, before, before) { Subset = data.Subset, Published = data.Published };
            folder.Sums.Replace(folder.Metrics, path => MetricsFile.Write(path, metrics));
        }

        return before;

        IReadOnlyDictionary<string, double> Kept()
        {
            folder.Demand(folder.Metrics);
            return MetricsFile.Read(folder.Metrics).Before;
        }
    }

    /// <summary>What the first process measures of what all have embedded; empty in the others.</summary>
    private Dictionary<string, double> Measured(TestOutcome outcome) => together.First(() => RunMeasures.Kept(outcome.Metrics)) ?? [];

    private void TakeSteps(RunJournal? log)
    {
        var trained = state.Seconds;
        meter.BeginTraining(TimeSpan.FromSeconds(trained));
        var clock = Stopwatch.StartNew();
        var logEvery = Math.Max(1, steps / 2000);
        var logged = state;
        traffic.Begin();

        foreach (var (result, seen, waited, levels) in run.Trunk is { } trunk ? StepsOn(trunk) : StepsOnImages())
        {
            Leftovers.collect();

            state = state with { Step = result.Step, Seconds = trained + clock.Elapsed.TotalSeconds, Batches = RunSums.After(state.Batches, together.Gathered(seen)), Waited = state.Waited + waited.TotalSeconds };
            traffic.End();
            meter.Report(result, steps, TimeSpan.FromSeconds(state.Seconds));

            if (result.Step % logEvery == 0 || result.Step == steps)
            {
                var processes = traffic.Newest();
                log?.Write(new StepEntry(result.Step, result.Loss, result.Terms, result.LearningRate, meter.ImagesPerSecond, result.GradientNorm) { Waiting = RunMeasures.Waiting(state, logged), Processes = processes });
                logged = state;
            }

            if (log is not null && settings.Core.Levels > 0 && IsDue(Math.Max(20, steps / 50), result.Step))
            {
                clock.Stop();
                log.Write(new LevelsEntry(result.Step, levels()));
                clock.Start();
            }

            if (IsDue(settings.Host.EvaluateEvery, result.Step))
            {
                clock.Stop();
                Validate(log);
                clock.Start();
            }

            // All stop after the same step, whichever of them was asked to.
            var isStopping = together.Any(cancellationToken.IsCancellationRequested);

            if (log is not null && (IsDue(settings.Host.SaveEvery, result.Step) || isStopping))
            {
                var saved = RunCheckpoints.Save(run.Store, session, state, run.Frozen);
                log.Write(new CheckpointEntry(result.Step, folder.NameOf(saved), IsBest: result.Step == state.BestStep));
            }

            if (isStopping)
            {
                stop.Cancel();
                cancellationToken.ThrowIfCancellationRequested();
            }

            traffic.Begin();
        }
    }

    private IEnumerable<(StepResult Result, byte[] Seen, TimeSpan Waited, Func<IReadOnlyDictionary<string, double>> Levels)> StepsOnImages()
    {
        var loader = new BatchLoader(data.Reader, run.Workers);

        foreach (var batch in loader.Run(Plan, Views.ForTraining(settings), settings.Core.Seed, state.Step, steps, CancellationToken.None))
        {
            using (batch)
            {
                var result = RunSums.Beside(batch.Labels, batch.Pixels, out var seen, () => Telemetry.TrainStep.Run(() => Step(batch)));
                yield return (result, seen, batch.Waited, () => session.LevelMeasures(batch.Pixels, batch.Size, batch.Labels));
            }
        }
    }

    /// <summary>Steps that begin with what the frozen stages made of the images.</summary>
    private IEnumerable<(StepResult Result, byte[] Seen, TimeSpan Waited, Func<IReadOnlyDictionary<string, double>> Levels)> StepsOn(TrunkMaps trunk)
    {
        for (var step = state.Step; step < steps; step++)
        {
            var plan = Plan(step);
            var clock = Stopwatch.StartNew();
            var maps = trunk.Drawn(settings.Core.Seed, step, plan);
            var waited = clock.Elapsed;
            var result = RunSums.Beside(plan.Labels, maps.Bytes, out var seen, () => Telemetry.TrainStep.Run(() => StepOn(maps, plan)));
            yield return (result, seen, waited, () => session.LevelMeasuresOnTrunk(maps, plan.Labels));
        }
    }

    private StepResult Step(PixelBatch batch) => Marks(batch.Indices) is { } marks
        ? session.StepOnPairs(batch.Pixels, batch.Count, batch.Size, marks)
        : session.Step(batch.Pixels, batch.Size, batch.Labels);

    private StepResult StepOn(TensorData maps, BatchPlan plan) =>
        Marks(plan.Indices) is { } marks ? session.StepOnTrunkPairs(maps, plan.Indices.Length, marks) : session.StepOnTrunk(maps, plan.Labels);

    /// <summary>The marks of this process's images with the whole batch; null if classes say what is alike.</summary>
    private float[]? Marks(IReadOnlyList<int> images) => data.Marks(images, together.IsShared ? run.Sampler.Batch(state.Step) : images);

    private bool IsDue(int every, int step) => step == steps || (every > 0 && step % every == 0);

    private BatchPlan Plan(int step)
    {
        var batch = run.Sampler.Batch(step);
        var (first, count) = together.ShareOf(batch.Length);
        var items = batch[first..(first + count)];
        return new BatchPlan(items, data.TrainClasses.NumbersOf(items.Select(item => data.Dataset.Items[item].Label))) { First = first };
    }

    /// <summary>Measures the validation classes, and keeps the network if it is the best so far by MAP@R.</summary>
    private void Validate(RunJournal? log)
    {
        if (data.Split.Validation.Count == 0)
        {
            return;
        }

        var outcome = run.Pass.Among(data.Reader, data.Dataset, data.Split.Validation, RunMeasures.Options(settings, data.Dataset) with { Clustering = false });
        var value = together.OfFirst(() => outcome.Metrics.MapAtR);
        log?.Write(new ValidationEntry(state.Step, RunMeasures.Kept(outcome.Metrics)));

        if (state.BestStep == 0 || value > state.BestValue)
        {
            state = state with { BestStep = state.Step, BestValue = value };

            if (together.IsFirst)
            {
                Write(folder.BestLevels, folder.BestWeights);
            }
        }
    }
}
