using System.Diagnostics;
using CondEmbed.Checkpoints;
using CondEmbed.Images;
using CondEmbed.Interop;
using CondEmbed.Reports;
using CondEmbed.Sampling;

namespace CondEmbed.Training;

/// <summary>One run, from its first or next step to its report: the composition root of training.</summary>
internal sealed class TrainingRun : IDisposable
{
    private readonly RunFolder folder;
    private readonly Config config;
    private readonly bool resumed;
    private readonly Action<string> notice;
    private readonly string command;
    private readonly CancellationToken cancellation;
    private readonly LoaderOptions workers;
    private readonly ProgressMeter meter;
    private readonly CheckpointStore store;
    private readonly RunData data;
    private readonly Session session;
    private readonly EmbeddingPass pass;
    private readonly int steps;
    private Progress state;

    internal TrainingRun(
        RunFolder folder, Config config, bool resumed, IProgress<RunProgress>? progress, Action<string>? notice, string command, CancellationToken cancellation)
    {
        this.folder = folder;
        this.config = config;
        this.resumed = resumed;
        this.notice = notice ?? (_ => { });
        this.command = command;
        this.cancellation = cancellation;
        workers = new LoaderOptions(config.Workers);
        meter = new ProgressMeter(progress, config.Batch);
        data = Checked(RunData.Open(config));
        this.notice(data.Split.Describe());
        steps = RunSettings.StepsOf(config, data.Split.Train.Count);
        store = new CheckpointStore(folder.Checkpoints);
        session = Session.ForTraining(config, data.TrainClasses.Names.Count, steps);
        pass = new EmbeddingPass(session, workers);
        state = Begin();
    }

    internal TrainingResult Execute()
    {
        var sampler = new MPerClassSampler(data.Split.Train, TrainLabels(), config.Batch, config.PerClass, (ulong)config.Seed);

        using (var log = OpenLog())
        {
            var before = MeasuredBefore();
            TakeSteps(sampler, log);
            var result = Finish(before);
            log.Write(new EndEntry(state.Step, "finished"));
            return result;
        }
    }

    public void Dispose()
    {
        ((IDisposable)session).Dispose();
        store.Dispose();
    }

    private RunData Checked(RunData opened)
    {
        var pictures = opened.Split.Train.Concat(opened.Split.Validation).Concat(opened.Split.Test).ToArray();
        var check = PictureCheck.Run(
            opened.Reader, pictures, workers.Workers, new Relay<CheckProgress>(at => meter.Report("checking pictures", at.Done, at.Total)), cancellation);

        if (check.Bad.Count > 0 && !config.SkipBad)
        {
            throw check.Error()!;
        }

        foreach (var picture in check.Bad)
        {
            notice($"left out: {picture.Name}: {picture.Reason}");
        }

        return opened.Without([.. check.Bad.Select(picture => picture.Index)]);
    }

    /// <summary>A fresh start with its settings written down, or the newest checkpoint of the same data.</summary>
    private Progress Begin()
    {
        var fingerprint = data.Fingerprint();

        if (!resumed)
        {
            AtomicFile.WriteText(folder.Fingerprint, fingerprint);
            AtomicFile.WriteText(folder.Settings, TomlSettings.Write(config));
        }
        else if (File.Exists(folder.Fingerprint) && File.ReadAllText(folder.Fingerprint) != fingerprint)
        {
            throw new InputException($"{config.Data}: the pictures or their classes are not those that the run in {folder.Root} started with. Restore them, or start a new run.");
        }

        notice($"{session.EmbeddingParameters:N0} parameters at test time, {session.TrainingParameters:N0} while training; device {session.Device}");

        if (resumed && RunCheckpoints.Restore(folder.Checkpoints, session) is { } saved)
        {
            notice($"going on after step {saved.Step} of {steps}");
            return saved;
        }

        if (config.Weights.Length > 0)
        {
            notice(EncoderWeights.Load(session, config));
        }

        return new Progress(0, 0, 0, 0);
    }

    private LogWriter OpenLog()
    {
        LogWriter.TruncateAfter(folder.Log, state.Step);
        var log = new LogWriter(folder.Log);
        log.Write(resumed ? new ResumeEntry(state.Step) : new StartEntry(steps, command, About.Version));
        return log;
    }

    private long[] TrainLabels() => data.TrainClasses.NumbersOf(data.Split.Train.Select(item => data.Dataset.Items[item].Label));

    /// <summary>Measured at the start, and kept in the folder for a run that goes on.</summary>
    private IReadOnlyDictionary<string, double> MeasuredBefore()
    {
        if (state.Step > 0 && File.Exists(folder.Metrics))
        {
            return MetricsFile.Read(folder.Metrics).Before;
        }

        var before = MetricsOf(Tested());
        MetricsFile.Write(folder.Metrics, new RunMetrics(data.Dataset.Name, 0, before, before));
        return before;
    }

    private void TakeSteps(MPerClassSampler sampler, LogWriter log)
    {
        var trained = state.Seconds;
        var clock = Stopwatch.StartNew();
        var loader = new BatchLoader(data.Reader, workers);
        var batches = loader.Run(step => Plan(sampler, step), Views.ForTraining(config), config.Seed, state.Step, steps, CancellationToken.None);
        var logEvery = Math.Max(1, steps / 2000);

        foreach (var batch in batches)
        {
            StepResult result;

            using (batch)
            {
                result = session.Step(batch.Pixels, batch.Size, batch.Labels);
            }

            state = state with { Step = result.Step, Seconds = trained + clock.Elapsed.TotalSeconds };
            meter.Report(result, steps, TimeSpan.FromSeconds(state.Seconds));

            if (result.Step % logEvery == 0 || result.Step == steps)
            {
                log.Write(new StepEntry(result.Step, result.Loss, result.Terms, result.LearningRate, meter.ImagesPerSecond, result.GradientNorm));
            }

            if (IsDue(config.EvaluateEvery, result.Step))
            {
                clock.Stop();
                Validate(log);
                clock.Start();
            }

            if (IsDue(config.SaveEvery, result.Step) || cancellation.IsCancellationRequested)
            {
                RunCheckpoints.Save(store, session, state);
                log.Write(new CheckpointEntry(result.Step, folder.Checkpoints, IsBest: result.Step == state.BestStep));
            }

            if (cancellation.IsCancellationRequested && result.Step < steps)
            {
                log.Write(new EndEntry(result.Step, "stopped"));
                throw new TrainingStoppedException(folder.Root, result.Step, cancellation);
            }
        }
    }

    private bool IsDue(int every, int step) => step == steps || (every > 0 && step % every == 0);

    private BatchPlan Plan(MPerClassSampler sampler, int step)
    {
        var items = sampler.Batch(step);
        return new BatchPlan(items, data.TrainClasses.NumbersOf(items.Select(item => data.Dataset.Items[item].Label)));
    }

    /// <summary>Measures the validation classes, and keeps the network if it is the best so far by MAP@R.</summary>
    private void Validate(LogWriter log)
    {
        if (data.Split.Validation.Count == 0)
        {
            return;
        }

        var metrics = pass.Among(data, data.Split.Validation);
        log.Write(new ValidationEntry(state.Step, MetricsOf(metrics)));

        if (state.BestStep == 0 || metrics.MapAtR > state.BestValue)
        {
            state = state with { BestStep = state.Step, BestValue = metrics.MapAtR };
            ModelFile.Write(folder.BestWeights, session, state.Step);
        }
    }

    private TrainingResult Finish(IReadOnlyDictionary<string, double> before)
    {
        ModelFile.Write(folder.LastWeights, session, state.Step);
        var outcome = Tested();
        var after = MetricsOf(outcome);
        var best = state.BestStep == 0 ? null : state.BestStep == state.Step ? after : MetricsOf(TestedBest());
        MetricsFile.Write(folder.Metrics, new RunMetrics(data.Dataset.Name, state.Step, before, after, best, state.BestStep));
        new RunReports(folder, config, command, session, data).Write(before, after, outcome, TimeSpan.FromSeconds(state.Seconds));
        return new TrainingResult(folder.Root, state.Step, before, after, best, state.BestStep, folder.Report);
    }

    private TestOutcome Tested() =>
        pass.OnTest(data.Dataset, data.Split, data.Reader, done => meter.Report("evaluating", done, data.Split.Test.Count), cancellation);

    private TestOutcome TestedBest()
    {
        using var model = EmbeddingModel.Load(folder.BestWeights, config.Device);
        return model.OnTest(data, workers);
    }

    private static Dictionary<string, double> MetricsOf(TestOutcome outcome) => MetricsOf(outcome.Metrics);

    private static Dictionary<string, double> MetricsOf(Evaluation.RetrievalMetrics metrics) =>
        metrics.Values.Where(pair => !pair.Key.EndsWith("_possible_only", StringComparison.Ordinal)).ToDictionary(pair => pair.Key, pair => pair.Value);

    /// <summary>Reports on the thread that does the work, unlike <see cref="System.Progress{T}"/>.</summary>
    private sealed class Relay<T>(Action<T> listener) : IProgress<T>
    {
        public void Report(T value) => listener(value);
    }
}
