using System.Text.Json.Serialization;
using CondEmbed.Evaluation;
using CondEmbed.Reports;

namespace CondEmbed.Comparisons;

/// <summary>A run as read from its folder, finished or not.</summary>
public sealed record ComparedRun
{
    /// <summary>Its unique name: the end of its folder's path.</summary>
    public required string Name { get; init; }

    /// <summary>Its folder.</summary>
    public required string Folder { get; init; }

    /// <summary>Name of its data set; empty before anything was measured.</summary>
    public required string Dataset { get; init; }

    /// <summary>The hash of its images, classes and parts.</summary>
    public required string Data { get; init; }

    /// <summary>What was present of an incomplete published set; null for other data.</summary>
    public required string? Subset { get; init; }

    /// <summary>The published set that it was measured on, such as CUB-200-2011; null for other data.</summary>
    public required string? Published { get; init; }

    /// <summary>The program's version that started it.</summary>
    public required string Version { get; init; }

    /// <summary>Whether another program trained its network, so that settings of training say nothing of it.</summary>
    public required bool IsImported { get; init; }

    /// <summary>Whether it is finished.</summary>
    public required bool IsFinished { get; init; }

    /// <summary>Steps done.</summary>
    public required int Step { get; init; }

    /// <summary>Planned steps; 0 if the log does not say.</summary>
    public required int Steps { get; init; }

    /// <summary>The step that did best on the validation classes; 0 if there are none, and until the run is finished.</summary>
    public required int BestStep { get; init; }

    /// <summary>Its settings by name.</summary>
    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    /// <summary>The test classes before training, as fractions.</summary>
    public required IReadOnlyDictionary<string, double> Before { get; init; }

    /// <summary>The test classes after the last step; empty until the run is finished.</summary>
    public required IReadOnlyDictionary<string, double> Last { get; init; }

    /// <summary>The test classes at the best step; empty if there is none, and until the run is finished.</summary>
    public required IReadOnlyDictionary<string, double> Best { get; init; }

    /// <summary>The evaluations on the validation classes.</summary>
    public required IReadOnlyList<ValidationEntry> Validations { get; init; }

    /// <summary>The logged steps.</summary>
    [JsonIgnore]
    public IReadOnlyList<StepEntry> Log { get; init; } = [];

    /// <summary>Seconds a training step took; null if nothing was logged.</summary>
    public required double? SecondsPerStep { get; init; }

    /// <summary>What it cost; null until it is finished.</summary>
    public required RunCost? Cost { get; init; }

    /// <summary>What the run started from and saw; null until it is finished.</summary>
    public required RunOrigin? Origin { get; init; }

    /// <summary>The result of each test class after the last step; empty for runs that did not record it.</summary>
    [JsonIgnore]
    public IReadOnlyDictionary<string, ComparedClass> Classes { get; init; } = new Dictionary<string, ComparedClass>();

    /// <summary>Its best value of a metric on the validation classes; null if there is none.</summary>
    public double? BestValidation(string metric) =>
        Validations.Select(entry => entry.Metrics.Find(metric)).Max();
}

/// <summary>The result of a class.</summary>
/// <param name="Queries">Its queries.</param>
/// <param name="Values">Means over them, as fractions; keys as in <see cref="Evaluation.MetricNames"/>.</param>
public sealed record ComparedClass(int Queries, IReadOnlyDictionary<string, double> Values);
