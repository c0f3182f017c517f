using System.Text.Json.Serialization;

namespace CondEmbed.Reports;

/// <summary>One line of a run's log. The set of kinds is closed: see the attributes.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(StartEntry), "start")]
[JsonDerivedType(typeof(StepEntry), "step")]
[JsonDerivedType(typeof(ValidationEntry), "validation")]
[JsonDerivedType(typeof(LevelsEntry), "levels")]
[JsonDerivedType(typeof(CheckpointEntry), "checkpoint")]
[JsonDerivedType(typeof(ResumeEntry), "resume")]
[JsonDerivedType(typeof(EndEntry), "end")]
public abstract record LogEntry
{
    private protected LogEntry(int step) => Step = step;

    /// <summary>Number of training steps done when the entry was written.</summary>
    [JsonPropertyOrder(-2)]
    public int Step { get; init; }

    /// <summary>When the entry was written (UTC); the log writer sets it.</summary>
    [JsonPropertyOrder(-1)]
    public DateTimeOffset Time { get; init; }
}

/// <summary>The run began.</summary>
/// <param name="Steps">Number of steps that it is to take.</param>
/// <param name="Command">The command line that repeats the run.</param>
/// <param name="Version">Version of the program.</param>
public sealed record StartEntry(int Steps, string Command, string Version) : LogEntry(0)
{
    /// <summary>The data with the sizes of its parts; null in logs of older versions, and for a network that was imported without data.</summary>
    public DataSummary? Data { get; init; }

    /// <summary>For a network that another program trained: its files, each with its SHA-256 sum; missing otherwise.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Imported { get; init; }
}

/// <summary>A training step was done.</summary>
/// <param name="Step">Its number, from 1.</param>
/// <param name="Loss">Total loss.</param>
/// <param name="Terms">The named terms of the loss.</param>
/// <param name="LearningRate">Learning rate of the step.</param>
/// <param name="ImagesPerSecond">Throughput over about the last twenty steps.</param>
/// <param name="GradientNorm">L2 norm of all gradients before clipping.</param>
public sealed record StepEntry(
    int Step,
    double Loss,
    IReadOnlyDictionary<string, double> Terms,
    double LearningRate,
    double ImagesPerSecond,
    double GradientNorm) : LogEntry(Step)
{
    /// <summary>Fraction of the training time since the previous entry in which the network waited for images, 0 to 1; null in logs of older versions.</summary>
    public double? Waiting { get; init; }

    /// <summary>What each of several processes has exchanged with the others in a step, on average since the previous entry, in the order of the processes; missing with one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<ProcessTraffic>? Processes { get; init; }
}

/// <summary>What a process has exchanged with others in a step.</summary>
/// <param name="Bytes">What it has sent to them.</param>
/// <param name="Seconds">The time spent on sending, receiving and waiting for them.</param>
public sealed record ProcessTraffic(double Bytes, double Seconds);

/// <summary>The validation classes were evaluated.</summary>
/// <param name="Step">Number of steps done by then.</param>
/// <param name="Metrics">Metrics as fractions (0 to 1); keys as in <see cref="Evaluation.MetricNames"/>.</param>
public sealed record ValidationEntry(int Step, IReadOnlyDictionary<string, double> Metrics) : LogEntry(Step);

/// <summary>The levels were measured on a few images of the step's batch.</summary>
/// <param name="Step">Number of steps done by then.</param>
/// <param name="Measures">Mean similarities, and entropy and variation of the attention; names as of <see cref="Interop.Session.LevelMeasures"/>.</param>
public sealed record LevelsEntry(int Step, IReadOnlyDictionary<string, double> Measures) : LogEntry(Step);

/// <summary>A checkpoint was saved.</summary>
/// <param name="Step">Number of steps done by then.</param>
/// <param name="File">The path of its folder within the run's folder.</param>
/// <param name="IsBest">Whether it is the best so far by the validation classes.</param>
public sealed record CheckpointEntry(int Step, string File, bool IsBest) : LogEntry(Step);

/// <summary>The run was resumed after an interruption.</summary>
/// <param name="Step">Number of steps done before.</param>
public sealed record ResumeEntry(int Step) : LogEntry(Step)
{
    /// <summary>The data with the sizes of its parts; null in logs of older versions.</summary>
    public DataSummary? Data { get; init; }

    /// <summary>Number of steps that the run is to take; 0 in logs of older versions.</summary>
    public int Steps { get; init; }

    /// <summary>For a finished run that is trained further: the step at which it was finished, where the new learning-rate schedule starts; else 0.</summary>
    public int From { get; init; }
}

/// <summary>The run ended.</summary>
/// <param name="Step">Number of steps done.</param>
/// <param name="Reason">Why: "finished" or "stopped".</param>
public sealed record EndEntry(int Step, string Reason) : LogEntry(Step)
{
    /// <summary>What the run cost; null if it did not finish.</summary>
    public RunCost? Cost { get; init; }
}

/// <summary>What a run cost.</summary>
/// <param name="SecondsPerStep">Average seconds per training step, including reading images, excluding evaluations.</param>
/// <param name="PeakMemory">The peak memory of the process, in bytes.</param>
/// <param name="TestParameters">Numbers in the parameters at test time.</param>
/// <param name="TrainingParameters">Numbers in the parameters while training.</param>
public sealed record RunCost(double SecondsPerStep, long PeakMemory, long TestParameters, long TrainingParameters)
{
    /// <summary>Fraction of the training time in which the network waited for images, 0 to 1; null in logs of older versions.</summary>
    public double? Waiting { get; init; }

    /// <summary>Numbers in the parameters that are trained, which are fewer where some are frozen; null in logs of older versions.</summary>
    public long? TrainedParameters { get; init; }

    /// <summary>What several processes have exchanged; missing with one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public RunCommunication? Communication { get; init; }
}

/// <summary>What the processes of a run have exchanged since it was last started, on average over them and their steps.</summary>
/// <param name="Processes">How many there were.</param>
/// <param name="SecondsPerStep">On sending, receiving and waiting for others.</param>
/// <param name="BytesPerStep">What a process has sent to others.</param>
/// <param name="Share">Of the time of the steps, 0 to 1.</param>
public sealed record RunCommunication(int Processes, double SecondsPerStep, double BytesPerStep, double Share)
{
    /// <summary>For people: "2; communication 0.12 s a step, 3.1 MB a step, 4 % of the time".</summary>
    public override string ToString() =>
        FormattableString.Invariant($"{Processes}; communication {Readable.Number(SecondsPerStep, 3)} s a step, {Readable.Number(BytesPerStep / 1e6, 3)} MB a step, {100 * Share:0} % of the time");
}
