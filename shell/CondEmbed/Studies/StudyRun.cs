using CondEmbed.Reports;

namespace CondEmbed.Studies;

/// <summary>The result of one run of a study.</summary>
/// <param name="Arm">The arm.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Steps">Training steps.</param>
/// <param name="BestStep">The step that did best on the validation classes; 0 if there are none.</param>
/// <param name="Measured">Metrics as fractions, by what was measured: see <see cref="StudyMeasures"/>.</param>
/// <param name="Curve">The metrics of the validation classes over the steps.</param>
/// <param name="Cost">What it cost; null if not recorded.</param>
/// <param name="Origin">What the run started from and saw; null if not recorded.</param>
/// <param name="Subset">What was present of an incomplete published set; null for other data.</param>
public sealed record StudyRun(
    string Arm,
    int Seed,
    int Steps,
    int BestStep,
    IReadOnlyDictionary<string, IReadOnlyDictionary<string, double>> Measured,
    IReadOnlyList<CurvePoint> Curve,
    RunCost? Cost,
    RunOrigin? Origin,
    string? Subset)
{
    /// <summary>The name of its combination of settings; empty where the study varies none.</summary>
    public string Trial { get; init; } = "";
}

/// <summary>The metrics of the validation classes at a step.</summary>
/// <param name="Step">The step.</param>
/// <param name="Metrics">Fractions, those that the study compares by.</param>
public sealed record CurvePoint(int Step, IReadOnlyDictionary<string, double> Metrics);

/// <summary>What is measured of each run.</summary>
public static class StudyMeasures
{
    /// <summary>The validation classes at their best step: what settings may be chosen by.</summary>
    public const string Validation = "validation";

    /// <summary>The test classes at the step that did best on the validation classes.</summary>
    public const string Chosen = "test";

    /// <summary>The test classes after the last step.</summary>
    public const string Last = "test, last step";

    /// <summary>The test classes before the first step.</summary>
    public const string Before = "test, untrained";

    /// <summary>The key of the milliseconds per query for re-ranking, among the re-ranked measures.</summary>
    public const string RerankingTime = "reranking_ms";

    /// <summary>The test classes at the chosen step, with the nearest re-ranked by the levels.</summary>
    public static string Reranked(int k) => FormattableString.Invariant($"{Chosen}, {k} re-ranked");

    /// <summary>The same by cosine attention at a temperature, which needs no levels.</summary>
    public static string RerankedByCosine(int k, double temperature) => FormattableString.Invariant($"{Reranked(k)} by cosine attention at {temperature}");

    /// <summary>Another data set, at either step.</summary>
    internal static string On(string data, bool chosen) => $"{Path.GetFileName(data.TrimEnd('/', '\\'))}{(chosen ? "" : ", last step")}";
}
