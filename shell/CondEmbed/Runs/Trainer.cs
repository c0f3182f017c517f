using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Reports;
using CondEmbed.Search;
using CondEmbed.Storage;
using CondEmbed.Teams;
using CondEmbed.WeightFiles;
using Microsoft.FSharp.Core;

namespace CondEmbed.Runs;

/// <summary>The result of a finished run.</summary>
/// <param name="Folder">The run's folder; what <see cref="Models.EmbeddingModel.Load"/> takes.</param>
/// <param name="Steps">Steps done.</param>
/// <param name="Before">Metrics of the test classes before training, as fractions under their names, such as <c>Recall@1</c> or <c>MAP@R</c>: see <see cref="MetricNames"/>.</param>
/// <param name="After">The same after the last step.</param>
/// <param name="Best">The same of the step that did best on the validation classes; null if there are none.</param>
/// <param name="BestStep">That step; 0 if there are no validation classes.</param>
/// <param name="Report">Path of the HTML report; null if the run was to write none.</param>
/// <param name="Subset">What was present of an incomplete published set, so that the numbers are not comparable; null for other data.</param>
[StructuredFormatDisplay("{Shown}")]
public sealed record TrainingResult(
    string Folder,
    int Steps,
    IReadOnlyDictionary<string, double> Before,
    IReadOnlyDictionary<string, double> After,
    IReadOnlyDictionary<string, double>? Best,
    int BestStep,
    string? Report,
    string? Subset = null)
{
    /// <summary>Metrics of the test classes before training, as fractions under their names in any case, as <see cref="MetricNames"/> has them or as tables show them.</summary>
    public IReadOnlyDictionary<string, double> Before { get; init; } = MetricValues.Of(Before);

    /// <summary>The same after the last step.</summary>
    public IReadOnlyDictionary<string, double> After { get; init; } = MetricValues.Of(After);

    /// <summary>The same of the step that did best on the validation classes; null if there are none.</summary>
    public IReadOnlyDictionary<string, double>? Best { get; init; } = Best is null ? null : MetricValues.Of(Best);

    /// <summary>A warning that training has made the network worse by <see cref="MetricNames.MapAtR"/>, and what to do; null if it has not.</summary>
    public string? Warning => MetricTable.Worse(Before, After);

    /// <summary>What several processes have exchanged since the run was last started; null with one.</summary>
    public RunCommunication? Communication { get; init; }

    /// <summary>What F# Interactive prints.</summary>
    internal string Shown => ToString();

    /// <summary>The metrics before, after and at the best step, in percent, and the run folder.</summary>
    public override string ToString()
    {
        var best = Best is null ? null : FormattableString.Invariant($"step {BestStep}");
        string[] head = ["metric (%)", "before", "after", .. best is null ? [] : new[] { best }];
        var rows = After.Select(pair => (string[])
        [
            MetricNames.Display(pair.Key), Before.Percent(pair.Key), Readable.Percent(pair.Value), .. Best is null ? [] : new[] { Best.Percent(pair.Key) },
        ]);
        var lines = TextTable.Lines([head, .. rows], "  ");
        var subset = Subset is null ? "" : $"\nof a subset: {Subset}";
        var warning = Warning is null ? "" : $"\n{Warning}";
        return $"{Readable.Count(Steps)} steps{subset}\n{string.Join('\n', lines)}{warning}\nrun folder {Folder}";
    }
}

/// <summary>Trains a network on labelled images, in its own folder, so that it can be stopped and resumed at any time.</summary>
public sealed class Trainer
{
    private readonly RunSettings settings;

    private readonly Team team;

    private Continuation? further;

    // What followed from the data, told when training starts.
    private IReadOnlyList<string> followed = [];

    private Trainer(RunFolder folder, RunSettings settings, Team team, Continuation? further = null)
    {
        Folder = folder;
        this.settings = settings;
        this.team = team;
        this.further = further;
    }

    /// <summary>
    /// A new run. What the options leave open follows from the data where it can, as <see cref="DataDefaults"/> says and a notice tells: photographs start from a ResNet-18 trained on ImageNet.
    /// Without <c>Data</c> it trains on the bundled emoji, which a notice tells too.
    /// </summary>
    /// <param name="options">The settings.</param>
    /// <exception cref="InputException">Everything that is wrong with the settings or the data, or the folder is not empty.</exception>
    public Trainer(TrainingOptions options)
        : this(options ?? throw new ArgumentNullException(nameof(options)), [])
    {
    }

    private Trainer(TrainingOptions options, List<string> notices)
        : this(DataDefaults.Resolve(Given(options, notices.Add), notices.Add), options.Out) => followed = notices;

    /// <summary>A new run of resolved settings.</summary>
    /// <param name="settings">Sound settings, as from <see cref="TrainingOptions.Resolve"/>.</param>
    /// <param name="folder">The run folder; null for one below <c>runs</c> named after the time.</param>
    /// <param name="team">Several processes that train together, each on its share of every batch; all are given the same, and the first one writes the folder. Null for this one alone.</param>
    /// <exception cref="InputException">The weights cannot be used, or the folder is not empty.</exception>
    public Trainer(RunSettings settings, string? folder, Team? team = null)
        : this(Made(folder, settings, team ?? TeamModule.alone), Located(settings), team ?? TeamModule.alone)
    {
    }

    /// <summary>Opens a run that was stopped, killed or finished; it resumes with its own settings.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="options">What changes: where data is that has moved, or how much further a finished run is trained.</param>
    /// <param name="team">Several processes that train together, of whatever number trained the run before; all are given the same folder, which all can read. Null for this one alone.</param>
    /// <exception cref="InputException">It is not a run folder, or the options are wrong.</exception>
    public static Trainer Resume(string folder, ResumeOptions? options = null, Team? team = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        options ??= new ResumeOptions();
        var further = options.Further(folder);
        var (run, settings) = RunFolder.Open(folder);
        return new Trainer(run, options.Data is null ? settings : Located(settings, options.Data), team ?? TeamModule.alone, further);
    }

    /// <summary>The files of the run.</summary>
    public RunFolder Folder { get; }

    /// <summary>The complete settings.</summary>
    public RunSettings Settings => settings;

    /// <summary>The command line that the report shows; by default one made from the settings.</summary>
    public string? Command { get; set; }

    /// <summary>Called with notices: data, split, weights, problems. On the training thread.</summary>
    public Action<string>? Notice { get; set; }

    /// <summary>Called with each entry of the run's log (steps, validations, checkpoints, ...) once it is written. On the training thread.</summary>
    public Action<LogEntry>? Logged { get; set; }

    /// <summary>
    /// Trains to the end on the calling thread, starting from the folder's newest checkpoint. Cancelling finishes the step, saves, and
    /// throws <see cref="TrainingStoppedException"/>. A run that cannot start leaves no folder behind.
    /// </summary>
    /// <param name="progress">Called with every step, and with every part of what comes before and after them, from any thread; what it throws ends the run.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <exception cref="InputException">The data, the weights or the device are unsuitable.</exception>
    /// <exception cref="ArithmeticException">The loss is no longer finite.</exception>
    /// <exception cref="OperationCanceledException">Cancelled before there was anything to save.</exception>
    public TrainingResult Train(IProgress<RunProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        try
        {
            var meter = new ProgressMeter(progress, settings.Core.Batch);
            foreach (var line in followed)
            {
                Notice?.Invoke(line);
            }

            followed = [];
            var request = new RunRequest(Folder, settings, Notice ?? (_ => { }), Logged, Command ?? CommandOf(settings), further, team);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            using var run = OpenedRun.Open(request, meter, stop, cancellationToken);
            // It is in the checkpoint now; who calls again finishes it.
            further = null;
            return new TrainingRun(run, meter, stop).Execute();
        }
        finally
        {
            if (team.Rank == 0)
            {
                Folder.RemoveUnbegun();
            }
        }
    }

    /// <summary>
    /// <see cref="Train"/> on its own thread; the caller's is not blocked. A <see cref="Progress{T}"/> made on a window's thread reports there.
    /// </summary>
    /// <inheritdoc cref="Train"/>
    public Task<TrainingResult> TrainAsync(IProgress<RunProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Embedder.OnOwnThread(() => Train(progress, cancellationToken), cancellationToken);

    /// <summary>
    /// Creates a run and trains it to the end, all on its own thread. Cancelling finishes the step, saves, and throws
    /// <see cref="TrainingStoppedException"/>, whose folder <see cref="Resume"/> takes.
    /// </summary>
    /// <param name="options">The settings.</param>
    /// <param name="progress">Called with every step; a <see cref="Progress{T}"/> made on a window's thread reports there.</param>
    /// <param name="notice">Called with notices, on the training thread.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <exception cref="InputException">The settings, the data, the weights or the device are unsuitable.</exception>
    /// <exception cref="ArithmeticException">The loss is no longer finite.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; a <see cref="TrainingStoppedException"/> where there was something to save.</exception>
    public static Task<TrainingResult> TrainAsync(
        TrainingOptions options,
        IProgress<RunProgress>? progress = null,
        Action<string>? notice = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Embedder.OnOwnThread(() => new Trainer(options) { Notice = notice }.Train(progress, cancellationToken), cancellationToken);
    }

    private static IEnumerable<Given> Given(TrainingOptions options, Action<string> notice)
    {
        if (options.Data is null)
        {
            notice("no data is named: training on the bundled emoji. For images of your own: Data = \"FOLDER\", with a folder for each class in it.");
        }

        return options.Given();
    }

    /// <summary>Creates the run folder, once the weights are known to be usable.</summary>
    private static RunFolder Made(string? folder, RunSettings settings, Team team)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(team);
        EncoderWeights.Demand(settings);
        RunFolder? made = null;
        var root = new TeamWork(team).OfFirst(() => (made = RunFolder.Create(folder, settings, TimeProvider.System)).Root);
        return made ?? new RunFolder(root);
    }

    /// <summary>With absolute paths, so that the run can be resumed from any folder.</summary>
    internal static RunSettings Located(RunSettings settings) => Located(settings, settings.Host.Data);

    private static RunSettings Located(RunSettings settings, string place)
    {
        string Whole(string path) => path.Length > 0 && Path.Exists(path) ? Path.GetFullPath(path) : path;
        var data = ImageDatasets.IsEmbedded(place) && settings.Host.Layout == ImageDatasets.Auto ? place : Whole(place);
        return settings.With(changed =>
        {
            changed.Host.Data = data;
            changed.Host.Weights = Whole(settings.Host.Weights);
            changed.Host.FrozenWeights = settings.Host.FrozenWeights.Length > 0 ? Path.GetFullPath(settings.Host.FrozenWeights) : "";
        });
    }

    /// <summary>The settings that differ from the encoder's defaults, as command-line options.</summary>
    private static string CommandOf(RunSettings settings)
    {
        var usual = RunSettings.StartFor(settings.Core.Encoder).Pairs().ToDictionary(pair => pair.Key, pair => pair.Value);
        var own = settings.Pairs()
            .Where(pair => pair.Key == "encoder" || usual.GetValueOrDefault(pair.Key) != pair.Value)
            .Select(pair => $" --set {pair.Key}={pair.Value}");
        return "condembed train" + string.Concat(own);
    }
}
