namespace CondEmbed.Reports;

/// <summary>The results for the queries of one class.</summary>
/// <param name="Name">The class.</param>
/// <param name="Queries">How many queries it has.</param>
/// <param name="Values">Means over them, as fractions; keys as in <see cref="Evaluation.MetricNames"/>.</param>
/// <param name="TakenFor">The other class that they most often found first; null if none found another.</param>
/// <param name="TakenCount">How many queries found that class.</param>
public sealed record ReportClass(string Name, int Queries, IReadOnlyDictionary<string, double> Values, string? TakenFor = null, int TakenCount = 0);

/// <summary>A class that is mistaken for another, with examples.</summary>
/// <param name="Label">The class of the queries.</param>
/// <param name="TakenFor">The class of what they found first.</param>
/// <param name="Count">How many queries found that class first.</param>
/// <param name="Queries">How many queries the class has.</param>
/// <param name="Examples">Some of these queries with the image that each found.</param>
public sealed record ConfusedPair(string Label, string TakenFor, int Count, int Queries, IReadOnlyList<ConfusedExample> Examples);

/// <summary>A query that found another class.</summary>
/// <param name="Query">Its image.</param>
/// <param name="Found">The image that it found.</param>
public sealed record ConfusedExample(EncodedImage Query, EncodedImage Found);

/// <summary>Which classes are mistaken for which.</summary>
/// <param name="Wrong">How many queries found another class first.</param>
/// <param name="Queries">How many queries there were.</param>
/// <param name="Pairs">The most frequent pairs, most frequent first.</param>
/// <param name="Classes">The classes of the matrix.</param>
/// <param name="Matrix">Row by class, column by what was found first; one more column for all other classes.</param>
public sealed record ConfusionReport(
    int Wrong, int Queries, IReadOnlyList<ConfusedPair> Pairs, IReadOnlyList<string> Classes, IReadOnlyList<IReadOnlyList<int>> Matrix);
