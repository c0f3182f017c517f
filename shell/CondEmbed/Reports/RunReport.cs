using CondEmbed.Evaluation;

namespace CondEmbed.Reports;

/// <summary>Everything that the report of a training run shows. Plain data, filled in by the training.</summary>
public sealed record RunReport
{
    /// <summary>Headline, for example the name of the run.</summary>
    public required string Title { get; init; }

    /// <summary>The exact command line that repeats the run.</summary>
    public required string Command { get; init; }

    /// <summary>The training and test data of the run.</summary>
    public required DataSummary Data { get; init; }

    /// <summary>Every setting of the run, in the order in which they should be listed.</summary>
    public IReadOnlyList<ReportSetting> Settings { get; init; } = [];

    /// <summary>Facts of the machine and the software: name and value, in order.</summary>
    public IReadOnlyList<Fact> Environment { get; init; } = [];

    /// <summary>Logged training steps, ascending.</summary>
    public IReadOnlyList<StepEntry> Steps { get; init; } = [];

    /// <summary>Evaluations on the validation classes during training, ascending by step.</summary>
    public IReadOnlyList<ValidationEntry> Validations { get; init; } = [];

    /// <summary>Measurements of the levels during training, ascending by step; empty without levels.</summary>
    public IReadOnlyList<LevelsEntry> Levels { get; init; } = [];

    /// <summary>Metrics of the held-out classes before training, as fractions (0 to 1); empty if not measured.</summary>
    public IReadOnlyDictionary<string, double> MetricsBefore { get; init; } = new Dictionary<string, double>();

    /// <summary>Metrics of the held-out classes after training, as fractions (0 to 1); keys as in <see cref="MetricNames"/>.</summary>
    public IReadOnlyDictionary<string, double> MetricsAfter { get; init; } = new Dictionary<string, double>();

    /// <summary>Queries with their nearest neighbours, grouped (best, worst, typical).</summary>
    public IReadOnlyList<RetrievalGroup> Retrieval { get; init; } = [];

    /// <summary>Pairs of images with the levels' attention maps, grouped; empty without levels.</summary>
    public IReadOnlyList<AttentionFigureGroup> AttentionFigures { get; init; } = [];

    /// <summary>The result of each test class, worst first; empty if unknown.</summary>
    public IReadOnlyList<ReportClass> Classes { get; init; } = [];

    /// <summary>Which classes are mistaken for which; null if unknown.</summary>
    public ConfusionReport? Confusion { get; init; }

    /// <summary>The test embeddings as a map; null if there is none.</summary>
    public EmbeddingMap? Map { get; init; }

    /// <summary>All settings as a file that repeats the run; empty if there is none.</summary>
    public string SettingsFile { get; init; } = "";

    /// <summary>The step that did best on the validation classes; 0 if there are none.</summary>
    public int BestStep { get; init; }

    /// <summary>The training time, without interruptions.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>When the run ended, or null if that should not be shown.</summary>
    public DateTimeOffset? Finished { get; init; }
}

/// <summary>One setting of a run.</summary>
/// <param name="Key">Its name, as in the configuration file.</param>
/// <param name="Value">Its value as text.</param>
/// <param name="IsDefault">False if the user chose the value.</param>
public sealed record ReportSetting(string Key, string Value, bool IsDefault);

/// <summary>A name and a value to list.</summary>
/// <param name="Name">For example "TorchSharp".</param>
/// <param name="Value">For example its version.</param>
public sealed record Fact(string Name, string Value);

/// <summary>The data of a run and how its classes were divided.</summary>
/// <param name="Name">Name of the data set.</param>
/// <param name="Parts">Its parts in order: train, validation, test.</param>
/// <param name="Note">A note on the data for readers of the numbers (a licence), or null.</param>
/// <param name="Subset">What was present of an incomplete published set, or null.</param>
public sealed record DataSummary(string Name, IReadOnlyList<DataPart> Parts, string? Note = null, string? Subset = null)
{
    /// <summary>Whether training and test share classes, so that the test measures new images of known classes.</summary>
    public bool SharesClasses { get; init; }

    /// <summary>The image sizes in words, or null.</summary>
    public string? Sizes { get; init; }

    /// <summary>How many images each class has, of all parts.</summary>
    public IReadOnlyList<int> ClassSizes { get; init; } = [];

    /// <summary>Images that could not be used, and why.</summary>
    public IReadOnlyList<string> LeftOut { get; init; } = [];
}

/// <summary>One part of a data set.</summary>
/// <param name="Name">For example "test".</param>
/// <param name="Classes">Number of its classes.</param>
/// <param name="Images">Number of its images.</param>
public sealed record DataPart(string Name, int Classes, int Images)
{
    /// <summary>The number of images per class, in words; empty if unknown.</summary>
    public string PerClass { get; init; } = "";

    /// <summary>Some of its images.</summary>
    public IReadOnlyList<DataExample> Examples { get; init; } = [];
}

/// <summary>An image of a data set.</summary>
/// <param name="Label">Its class.</param>
/// <param name="Image">A small version of the image.</param>
public sealed record DataExample(string Label, EncodedImage Image);
