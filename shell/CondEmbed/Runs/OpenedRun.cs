using CondEmbed.Datasets;
using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Reports;
using CondEmbed.Sampling;
using CondEmbed.Storage;
using CondEmbed.Teams;
using CondEmbed.Torch;
using CondEmbed.WeightFiles;

namespace CondEmbed.Runs;

/// <summary>What is asked of a run.</summary>
/// <param name="Folder">Its folder, fresh or of a run that goes on.</param>
/// <param name="Settings">Its settings.</param>
/// <param name="Notice">Called with notices.</param>
/// <param name="Listener">Called with each entry of the log once it is written.</param>
/// <param name="Command">The command line that the report shows.</param>
/// <param name="Further">Of a finished run that is trained on, how far.</param>
/// <param name="Team">The processes that train together.</param>
internal sealed record RunRequest(
    RunFolder Folder, RunSettings Settings, Action<string> Notice, Action<LogEntry>? Listener, string Command, Continuation? Further, Team Team);

/// <summary>
/// The composition root of training: all that a run works with, opened and at the step where it begins or goes on. Opening may take minutes, because every
/// image is decoded once, unless an earlier run did. A run that cannot begin leaves nothing behind.
/// </summary>
internal sealed class OpenedRun : IDisposable
{
    private ImageCache? cache;
    private CheckedImages? known;
    private ProcessThreads? threads;

    private OpenedRun(RunRequest request, CancellationTokenSource stop)
    {
        Request = request;
        Resumed = File.Exists(request.Folder.Settings);
        Workers = new LoaderOptions(request.Settings.Host.Workers);
        Together = new TeamWork(request.Team, stop);
    }

    internal RunRequest Request { get; }

    internal RunFolder Folder => Request.Folder;

    internal RunSettings Settings => Request.Settings;

    /// <summary>Whether the folder was a run's before.</summary>
    internal bool Resumed { get; }

    internal LoaderOptions Workers { get; }

    /// <summary>What the processes do together, of which the first alone writes.</summary>
    internal TeamWork Together { get; }

    internal RunData Data { get; private set; } = null!;

    internal IBatchSampler Sampler { get; private set; } = null!;

    internal Session Session { get; private set; } = null!;

    internal EmbeddingPass Pass { get; private set; } = null!;

    /// <summary>What the frozen stages make of the images, if it is kept.</summary>
    internal TrunkMaps? Trunk { get; private set; }

    /// <summary>What the run never changes, if that is kept apart.</summary>
    internal FrozenWeights? Frozen { get; private set; }

    /// <summary>Null in a process that does not write.</summary>
    internal CheckpointStore Store { get; private set; } = null!;

    /// <summary>The step that the run ends with.</summary>
    internal int Steps { get; private set; }

    /// <summary>Settings in which machines that train together may differ.</summary>
    private static readonly string[] OfMachine = ["threads", "workers"];

    /// <summary>Where the run stands before its first step here.</summary>
    internal Progress Start { get; private set; } = null!;

    /// <summary>Opens all that the request needs.</summary>
    /// <exception cref="InputException">The data, the weights or the device are not as they must be.</exception>
    internal static OpenedRun Open(RunRequest request, ProgressMeter meter, CancellationTokenSource stop, CancellationToken cancellationToken) =>
#pragma warning disable IDISP004 // OrDispose gives it back, or disposes of it.
        new OpenedRun(request, stop).OrDispose(run => run.OpenAll(meter, cancellationToken));
#pragma warning restore IDISP004

    public void Dispose()
    {
        // Opening may have failed before any of them was made.
        ((IDisposable?)Session)?.Dispose();
        Trunk?.Dispose();
        threads?.Dispose();
        Store?.Dispose();
        cache?.Dispose();
    }

#pragma warning disable IDISP003 // Each is made once, and there was none before.
    private void OpenAll(ProgressMeter meter, CancellationToken cancellationToken)
    {
        // Seen before all images are decoded, which may take minutes.
        Together.DemandShares(Settings.Core.Batch, CoreSettings.GroupOf(Settings.Core));
        Together.DemandAlike("the settings", Settings.Pairs().Where(pair => !OfMachine.Contains(pair.Key)).Select(pair => $"{pair.Key} = {pair.Value}").Append($"CondEmbed {About.Version}"));
        var device = Device.choose(Settings.Host.Device);
        Data = Checked(meter, cancellationToken);
        Data.Describe(Settings, Request.Notice);

        if (RunNotices.OfBatches(Settings, Data) is { } repeated)
        {
            Request.Notice(repeated);
        }

        // Where there may be checkpoints the lock comes first, for what another process writes is not to be read; a fresh run takes it once it
        // is known that it can begin.
        Store = Resumed && Together.IsFirst ? new CheckpointStore(Folder.Checkpoints) : null!;
        var (saved, damaged) = RunCheckpoints.Newest(Folder.Checkpoints);
        DemandCheckpoint(saved);
        var images = Data.Split.Train.Count;
        var first = CoreSettings.StepsOf(Settings.Core, images);
        var begun = Request.Further is { } further ? further.After(saved?.Progress, first, images, Settings.Core.Batch) : saved?.Progress;
        Steps = begun is { Until: > 0 } ? begun.Until : first;
        Sampler = RunSampler.Of(Settings.Core, Data);
        threads = new ProcessThreads(Settings.Host.Threads);
        Session = Session.ForTraining(Settings.Core, device, Data.TrainClasses.Names.Count, first, begun?.From ?? 0, Steps, Request.Team);
        Restore(saved, damaged);
        Together.DemandAlike("the checkpoints", [FormattableString.Invariant($"step {saved?.Progress.Step ?? 0} of {Steps}")]);
        Trunk = OpenTrunk(meter, cancellationToken);
        Pass = new EmbeddingPass(Session, Views.ForTesting(Settings), Workers, Trunk, Together);

        if (saved is null && Settings.Core.HeadStart.IsPca)
        {
            StartHead(meter, cancellationToken);
        }

        Session.Spread();
        Start = begun ?? new Progress(0, 0, 0, 0, FrozenWeights.SumOf(Session.EmbeddingWeights()));

        if (Together.IsFirst)
        {
            Store ??= new CheckpointStore(Folder.Checkpoints);

            if (!Resumed && File.Exists(Folder.Settings))
            {
                throw CheckpointStore.InUse(Folder.Root);
            }

            Folder.RemoveUnfinished();
            Frozen = FrozenWeights.Keep(Settings.Host.FrozenWeights, Session);
            Record(begun is null);
            Continue(saved);
        }
    }

    /// <summary>The data, of which every image was looked at: by decoding it, by its place in the cache, or by an earlier run since which it has not changed.</summary>
    private RunData Checked(ProgressMeter meter, CancellationToken cancellationToken)
    {
        var progress = new SynchronousProgress<RunProgress>(at => meter.Report(at.Phase, at.Step, at.Steps));
        var opened = Opened();
        opened.DemandPairs(Settings.Core);
        Together.DemandAlike("the images or their classes", opened.Lines());
        known = Settings.Host.TrunkCache.Length == 0 ? null : opened.Known(Settings);
        cache = Together.InTurn(() => opened.Cached(Settings, progress, cancellationToken));
        var check = Together.OfFirst(() => cache?.Check ?? known?.Check ?? opened.Look(Settings.Host.Workers, progress, cancellationToken));
        return opened.CheckedBy(check, Settings.Host.SkipBad, Request.Notice, cache?.Reader);
    }
#pragma warning restore IDISP003

    /// <summary>A run of a study loses its checkpoints when it is finished; it must not begin anew in place of what it has found.</summary>
    private void DemandCheckpoint(SavedRun? saved)
    {
        if (saved is null && Resumed && File.Exists(Folder.LastWeights))
        {
            throw new InputException($"{Folder.Root}: this run is finished and has no checkpoint left (a study removes those of its finished runs), so it cannot be trained further. Start a new run from its weights: {Wording.Setting("weights", Folder.LastWeights)}.");
        }
    }

    private TrunkMaps? OpenTrunk(ProgressMeter meter, CancellationToken cancellationToken) =>
        known is null
            ? null
            : TrunkMaps.Open(
                Settings, Data.Split, Data.Reader, items => known.Ids(items, Data.LeftOut, cancellationToken), Session, Workers, Request.Notice,
                (done, total) => meter.Report("computing the frozen stages", done, total), cancellationToken);

    private void StartHead(ProgressMeter meter, CancellationToken cancellationToken)
    {
        var images = HeadStart.Give(
            Settings, Data.Split, Data.Reader, Session, Workers, Trunk, Together, (done, total) => meter.Report("starting the head", done, total), cancellationToken);
        Request.Notice($"embedding: starts with the principal directions of the pooled features of {Readable.Count(images)} training images");
    }

    private RunData Opened() =>
        Resumed && !ImageDatasets.IsEmbedded(Settings.Host.Data) && !Path.Exists(Settings.Host.Data)
            ? throw new InputException($"{Settings.Host.Data}: the data of the run in {Folder.Root} is missing. If it has moved, say where it is now: {Wording.Of($"Trainer.Resume(\"{Folder.Root}\", new ResumeOptions {{ Data = ... }})", $"train --resume {Folder.Root} DATA")}.")
            : RunData.Open(Settings);

    /// <summary>
    /// Restores the session from the newest checkpoint of the same data; a run without one loads its weights. Writes nothing, so that a run that
    /// cannot start leaves nothing behind.
    /// </summary>
    private void Restore(SavedRun? saved, IReadOnlyList<(Checkpoint Checkpoint, string Problem)> damaged)
    {
        Folder.Demand(Folder.Fingerprint);

        if (Resumed && File.Exists(Folder.Fingerprint) && File.ReadAllText(Folder.Fingerprint) != Data.Fingerprint())
        {
            throw new InputException($"{Settings.Host.Data}: the images or their classes are not the ones that the run in {Folder.Root} started with. Restore them, or start a new run.");
        }

        Request.Notice($"run folder: {Folder.Root}");
        Request.Notice($"parameters: {RunMeasures.Parameters(Session.EmbeddingParameters, Session.TrainingParameters, Session.TrainedParameters)}; device {Session.Device}");

        if (saved is not null)
        {
            saved.Into(Session);

            foreach (var (checkpoint, problem) in damaged)
            {
                if (Together.IsFirst)
                {
                    Request.Notice($"left out the checkpoint {Folder.NameOf(checkpoint)}: {problem}. It is now called {Store.SetAside(checkpoint)}.");
                }
            }

            Request.Notice($"continuing after step {saved.Progress.Step} of {Steps}");
        }
        else if (Settings.Host.Weights.Length > 0)
        {
            Request.Notice(EncoderWeights.Load(Session, Settings));

            if (RunNotices.OfTime(Settings, Steps, Session.Device) is { } slow)
            {
                Request.Notice(slow);
            }
        }
        else if (RunNotices.OfStart(Settings) is { } untrained)
        {
            Request.Notice(untrained);
        }
    }

    /// <summary>Records what changes for a resumed run: where its data is now, and how far it is trained.</summary>
    private void Continue(SavedRun? saved)
    {
        if (Resumed && RunSettings.Resolve(TomlSettings.Read(Folder.Settings)).Host.Data != Settings.Host.Data)
        {
            Folder.Sums.Replace(Folder.Settings, path => AtomicFile.WriteText(path, TomlSettings.Write(Settings)));
        }

        if (saved is not null && Start != saved.Progress)
        {
            Request.Notice($"continuing the training: {Steps - Start.From} more steps after step {Start.From}, with a new learning-rate schedule");
            RunCheckpoints.Save(Store, Session, Start, Frozen);
        }
    }

    /// <summary>Writes down the data and settings of a fresh run; the settings last, since they mark the folder as a run.</summary>
    private void Record(bool isFresh)
    {
        if (isFresh)
        {
            AtomicFile.WriteText(Folder.Fingerprint, Data.Fingerprint());
            AtomicFile.WriteText(Folder.Settings, TomlSettings.Write(Settings));
            Folder.Sums.Keep(Folder.Fingerprint, Folder.Settings);
        }
    }
}
