using System.Diagnostics;
using CondEmbed.Common;
using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Images;
using CondEmbed.Interop;
using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Reports;
using CondEmbed.Sampling;
using CondEmbed.Storage;
using CondEmbed.Torch;
using CondEmbed.WeightFiles;

namespace CondEmbed.Runs;

/// <summary>One run, from its first or next step to its report: the composition root of training.</summary>
internal sealed partial class TrainingRun : IDisposable
{
    private readonly RunFolder folder;
    private readonly Config config;
    private readonly bool resumed;
    private readonly Action<string> notice;
    private readonly Action<LogEntry>? listener;
    private readonly string command;
    private readonly CancellationToken cancellation;
    private readonly LoaderOptions workers;
    private readonly ProgressMeter meter;
    private readonly CheckpointStore store;
    private readonly PictureCache? cache;
    private readonly RunData data;
    private readonly IBatchSampler sampler;
    private readonly Session session;
    private readonly EmbeddingPass pass;
    private readonly ProcessThreads? threads;
    private readonly int steps;
    private Progress state;

    internal TrainingRun(
        RunFolder folder,
        Config config,
        IProgress<RunProgress>? progress,
        Action<string>? notice,
        Action<LogEntry>? listener,
        string command,
        Continuation? further,
        CancellationToken cancellation)
    {
        this.folder = folder;
        this.config = config;
        resumed = File.Exists(folder.Settings);
        this.notice = notice ?? (_ => { });
        this.listener = listener;
        this.command = command;
        this.cancellation = cancellation;
        workers = new LoaderOptions(config.Workers);
        meter = new ProgressMeter(progress, config.Batch);
        // Seen before all pictures are decoded, which may take minutes.
        var device = Device.choose(config.Device);
        var opened = Opened();
        void Checking(int done, int total) => meter.Report("checking pictures", done, total);

        try
        {
            cache = opened.Cached(config, Checking, cancellation);
            data = cache is null
                ? opened.Checked(config.SkipBad, config.Workers, this.notice, Checking, cancellation)
                : opened.CheckedBy(cache, config.SkipBad, this.notice);
            data.Describe(config, this.notice);
            // Where there may be checkpoints the lock comes first, for what another process writes is not to be read; a fresh run takes it once it
            // is known that it can begin.
            store = resumed ? new CheckpointStore(folder.Checkpoints) : null!;
            var (saved, damaged) = RunCheckpoints.Newest(folder.Checkpoints);
            var first = RunSettings.StepsOf(config, data.Split.Train.Count);
            var begun = further is null ? saved?.Progress : further.After(saved?.Progress, first, data.Split.Train.Count, config.Batch);
            steps = begun is { Until: > 0 } ? begun.Until : first;
            sampler = RunSampler.Of(config, data);
            threads = new ProcessThreads(config.Threads);
            session = Session.ForTraining(config, device, data.TrainClasses.Names.Count, first, begun?.From ?? 0, steps);
            pass = new EmbeddingPass(session, workers);
            Restore(saved, damaged);
            store ??= new CheckpointStore(folder.Checkpoints);
            folder.RemoveUnfinished();
            state = begun ?? Fresh();
            Continue(saved);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal TrainingResult Execute()
    {
        try
        {
            TrainingResult result;

            using (var log = OpenLog())
            {
                result = Logged(log);
            }

            folder.Sums.Keep(folder.Log, folder.Classes, folder.Report);
            return result;
        }
        catch (Exception problem) when (FileProblem.IsFull(problem))
        {
            var step = CheckpointStore.Latest(folder.Checkpoints)?.Step ?? 0;
            throw new DiskException($"{folder.Root}: the run cannot be written: {FileProblem.Reason(problem)}. Make room, then go on after step {step} with {Wording.Of($"Trainer.Resume(\"{folder.Root}\")", $"--resume {folder.Root}")}", problem);
        }
    }

    private TrainingResult Logged(RunJournal log)
    {
        try
        {
            var before = MeasuredBefore();
            log.Tested("test", 0, before);
            TakeSteps(log);
            // Before the report, whose memory is none of the training's.
            var cost = RunMeasures.Cost(session, state);
            var result = Finish(before);
            log.Tested("test", result.Steps, result.After);

            if (result.Best is not null)
            {
                log.Tested("test_best", result.BestStep, result.Best);
            }

            log.Write(new EndEntry(state.Step, "finished") { Cost = cost });
            return result;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            log.Write(new EndEntry(state.Step, "stopped"));
            throw new TrainingStoppedException(folder.Root, state.Step, cancellation);
        }
    }

    public void Dispose()
    {
        // The constructor may have thrown before any of them was made.
        ((IDisposable?)session)?.Dispose();
        threads?.Dispose();
        store?.Dispose();
        cache?.Dispose();
    }

    private RunData Opened() =>
        resumed && !ImageDatasets.IsEmbedded(config.Data) && !Path.Exists(config.Data)
            ? throw new InputException($"{config.Data}: the data of the run in {folder.Root} is not there. If it has moved, say where it is now: {Wording.Of($"Trainer.Resume(\"{folder.Root}\", new ResumeOptions {{ Data = ... }})", $"train --resume {folder.Root} DATA")}.")
            : RunData.Open(config);

    /// <summary>
    /// Puts the session where the newest checkpoint of the same data left it; a run without one takes up its weights. Writes nothing, so that a run that
    /// cannot begin leaves nothing behind.
    /// </summary>
    private void Restore(SavedRun? saved, IReadOnlyList<(Checkpoint Checkpoint, string Problem)> damaged)
    {
        folder.Demand(folder.Fingerprint);

        if (resumed && File.Exists(folder.Fingerprint) && File.ReadAllText(folder.Fingerprint) != data.Fingerprint())
        {
            throw new InputException($"{config.Data}: the pictures or their classes are not those that the run in {folder.Root} started with. Restore them, or start a new run.");
        }

        notice($"run folder: {folder.Root}");
        notice($"{Readable.Count(session.EmbeddingParameters)} parameters at test time, {Readable.Count(session.TrainingParameters)} while training; device {session.Device}");

        if (saved is not null)
        {
            saved.Into(session);

            foreach (var (checkpoint, problem) in damaged)
            {
                notice($"left out the checkpoint {folder.NameOf(checkpoint)}: {problem}. It is now called {store.SetAside(checkpoint)}.");
            }

            notice($"going on after step {saved.Progress.Step} of {steps}");
        }
        else if (config.Weights.Length > 0)
        {
            notice(EncoderWeights.Load(session, config));
        }
    }

    /// <summary>Keeps what is new for a run that goes on: where its data is now, and how far it is trained on.</summary>
    private void Continue(SavedRun? saved)
    {
        if (resumed && RunSettings.Resolve(TomlSettings.Read(folder.Settings)).Data != config.Data)
        {
            folder.Sums.Replace(folder.Settings, path => AtomicFile.WriteText(path, TomlSettings.Write(config)));
        }

        if (saved is not null && state != saved.Progress)
        {
            notice($"training on: {steps - state.From} more steps after step {state.From}, with a learning-rate schedule of their own");
            RunCheckpoints.Save(store, session, state);
        }
    }

    /// <summary>The start of a run, with its data and settings written down; the settings last, since they make the folder a run's.</summary>
    private Progress Fresh()
    {
        AtomicFile.WriteText(folder.Fingerprint, data.Fingerprint());
        AtomicFile.WriteText(folder.Settings, TomlSettings.Write(config));
        folder.Sums.Keep(folder.Fingerprint, folder.Settings);
        return new Progress(0, 0, 0, 0, RunSums.Of(session.EmbeddingWeights()));
    }

    private RunJournal OpenLog()
    {
        folder.Sums.Forget(folder.Log);
        var log = new RunJournal(folder, config, state.Step, listener);
        log.Write(resumed
            ? new ResumeEntry(state.Step) { Steps = steps, From = state.From, Data = data.Summary() }
            : new StartEntry(steps, command, About.Version) { Data = data.Summary() });
        return log;
    }

    /// <summary>Measured at the start, and kept in the folder for a run that goes on.</summary>
    private IReadOnlyDictionary<string, double> MeasuredBefore()
    {
        if (state.Step > 0)
        {
            folder.Demand(folder.Metrics);
            return MetricsFile.Read(folder.Metrics).Before;
        }

        var before = RunMeasures.Kept(Tested().Metrics);
        var metrics = new RunMetrics(data.Dataset.Name, 0, before, before) { Subset = data.Subset };
        folder.Sums.Replace(folder.Metrics, path => MetricsFile.Write(path, metrics));
        return before;
    }

    private void TakeSteps(RunJournal log)
    {
        var trained = state.Seconds;
        meter.BeginTraining(TimeSpan.FromSeconds(trained));
        var clock = Stopwatch.StartNew();
        var loader = new BatchLoader(data.Reader, workers);
        var batches = loader.Run(Plan, Views.ForTraining(config), config.Seed, state.Step, steps, CancellationToken.None);
        var logEvery = Math.Max(1, steps / 2000);
        var logged = state;

        foreach (var batch in batches)
        {
            StepResult result;
            string seen;
            using (batch)
                result = RunSums.Beside(state.Batches, batch, out seen, () => session.Step(batch.Pixels, batch.Size, batch.Labels));

            Leftovers.collect();

            state = state with { Step = result.Step, Seconds = trained + clock.Elapsed.TotalSeconds, Batches = seen, Waited = state.Waited + batch.Waited.TotalSeconds };
            meter.Report(result, steps, TimeSpan.FromSeconds(state.Seconds));

            if (result.Step % logEvery == 0 || result.Step == steps)
            {
                log.Write(new StepEntry(result.Step, result.Loss, result.Terms, result.LearningRate, meter.ImagesPerSecond, result.GradientNorm) { Waiting = RunMeasures.Waiting(state, logged) });
                logged = state;
            }

            if (IsDue(config.EvaluateEvery, result.Step))
            {
                clock.Stop();
                Validate(log);
                clock.Start();
            }

            if (IsDue(config.SaveEvery, result.Step) || cancellation.IsCancellationRequested)
            {
                var saved = RunCheckpoints.Save(store, session, state);
                log.Write(new CheckpointEntry(result.Step, folder.NameOf(saved), IsBest: result.Step == state.BestStep));
            }

            cancellation.ThrowIfCancellationRequested();
        }
    }

    private bool IsDue(int every, int step) => step == steps || (every > 0 && step % every == 0);

    private BatchPlan Plan(int step)
    {
        var items = sampler.Batch(step);
        return new BatchPlan(items, data.TrainClasses.NumbersOf(items.Select(item => data.Dataset.Items[item].Label)));
    }

    /// <summary>Measures the validation classes, and keeps the network if it is the best so far by MAP@R.</summary>
    private void Validate(RunJournal log)
    {
        if (data.Split.Validation.Count == 0)
        {
            return;
        }

        var metrics = pass.Among(data.Reader, data.Dataset, data.Split.Validation, RunMeasures.Options(config, data.Dataset) with { Clustering = false });
        log.Write(new ValidationEntry(state.Step, RunMeasures.Kept(metrics)));

        if (state.BestStep == 0 || metrics.MapAtR > state.BestValue)
        {
            state = state with { BestStep = state.Step, BestValue = metrics.MapAtR };
            Write(folder.BestLevels, folder.BestWeights);
        }
    }
}
