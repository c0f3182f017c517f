using CondEmbed.Common;
using CondEmbed.Evaluation;

namespace CondEmbed.Reports;

/// <summary>All that the report of a training run shows. Plain data: whoever ran the training fills it in.</summary>
public sealed record RunReport
{
    /// <summary>Headline, for example the name of the run.</summary>
    public required string Title { get; init; }

    /// <summary>The exact command line that repeats the run.</summary>
    public required string Command { get; init; }

    /// <summary>What the run learned from and was tested on.</summary>
    public required DataSummary Data { get; init; }

    /// <summary>Every setting of the run, in the order in which they should be listed.</summary>
    public IReadOnlyList<ReportSetting> Settings { get; init; } = [];

    /// <summary>Facts of the machine and the software: name and value, in order.</summary>
    public IReadOnlyList<Fact> Environment { get; init; } = [];

    /// <summary>Logged training steps, ascending.</summary>
    public IReadOnlyList<StepEntry> Steps { get; init; } = [];

    /// <summary>Evaluations on the validation classes during training, ascending by step.</summary>
    public IReadOnlyList<ValidationEntry> Validations { get; init; } = [];

    /// <summary>Metrics of the held-out classes before training, as fractions (0 to 1); empty if not measured.</summary>
    public IReadOnlyDictionary<string, double> MetricsBefore { get; init; } = new Dictionary<string, double>();

    /// <summary>Metrics of the held-out classes after training, as fractions (0 to 1); keys as in <see cref="MetricNames"/>.</summary>
    public IReadOnlyDictionary<string, double> MetricsAfter { get; init; } = new Dictionary<string, double>();

    /// <summary>Queries with their nearest neighbours, grouped (best, worst, typical).</summary>
    public IReadOnlyList<RetrievalGroup> Retrieval { get; init; } = [];

    /// <summary>Pairs of pictures with where the levels look in them, grouped; empty without levels.</summary>
    public IReadOnlyList<AttentionFigureGroup> AttentionFigures { get; init; } = [];

    /// <summary>How each class of the test did, worst first; empty if that is not known.</summary>
    public IReadOnlyList<ReportClass> Classes { get; init; } = [];

    /// <summary>Which classes are taken for which; nothing if that is not known.</summary>
    public ConfusionReport? Confusion { get; init; }

    /// <summary>The test embeddings as a map; nothing if there is none.</summary>
    public EmbeddingMap? Map { get; init; }

    /// <summary>All settings as a file that repeats the run; empty if there is none.</summary>
    public string SettingsFile { get; init; } = "";

    /// <summary>The step that did best on the validation classes; 0 where there are none.</summary>
    public int BestStep { get; init; }

    /// <summary>Time that the training took, without the time in which it was interrupted.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>When the run ended, or nothing if that should not be shown.</summary>
    public DateTimeOffset? Finished { get; init; }
}

/// <summary>One setting of a run.</summary>
/// <param name="Key">Its name, as in the configuration file.</param>
/// <param name="Value">Its value as text.</param>
/// <param name="IsDefault">False if the user chose the value.</param>
public sealed record ReportSetting(string Key, string Value, bool IsDefault);

/// <summary>A name and a value to be listed.</summary>
/// <param name="Name">For example "TorchSharp".</param>
/// <param name="Value">For example its version.</param>
public sealed record Fact(string Name, string Value);

/// <summary>The data of a run and how its classes were divided.</summary>
/// <param name="Name">Name of the data set.</param>
/// <param name="Parts">Its parts in order: train, validation, test.</param>
/// <param name="Note">A remark on the data that readers of the numbers must know (a licence), or nothing.</param>
/// <param name="Subset">What was there of a published set that is not whole, or nothing.</param>
public sealed record DataSummary(string Name, IReadOnlyList<DataPart> Parts, string? Note = null, string? Subset = null)
{
    /// <summary>Whether training and test have classes in common, so that the test is of new pictures of known classes.</summary>
    public bool SharesClasses { get; init; }

    /// <summary>How large the pictures are, in words, or nothing.</summary>
    public string? Sizes { get; init; }

    /// <summary>How many images each class has, of all parts.</summary>
    public IReadOnlyList<int> ClassSizes { get; init; } = [];

    /// <summary>Pictures that could not be used, and why.</summary>
    public IReadOnlyList<string> LeftOut { get; init; } = [];
}

/// <summary>One part of a data set.</summary>
/// <param name="Name">For example "test".</param>
/// <param name="Classes">Number of its classes.</param>
/// <param name="Images">Number of its images.</param>
public sealed record DataPart(string Name, int Classes, int Images)
{
    /// <summary>How many images a class of it has, in words; empty if that is not known.</summary>
    public string PerClass { get; init; } = "";

    /// <summary>Some of its pictures.</summary>
    public IReadOnlyList<DataExample> Examples { get; init; } = [];
}

/// <summary>A picture of a data set.</summary>
/// <param name="Label">Its class.</param>
/// <param name="Picture">The picture, small.</param>
public sealed record DataExample(string Label, Picture Picture);
