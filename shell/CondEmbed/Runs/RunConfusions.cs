using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Models;
using CondEmbed.Reports;

namespace CondEmbed.Runs;

/// <summary>The results of each test class, and which classes are mistaken for which, for the report.</summary>
internal sealed class RunConfusions
{
    private const int Pairs = 12;
    private const int Examples = 2;
    private const int MatrixClasses = 10;

    private readonly RunData data;
    private readonly TestOutcome outcome;
    private readonly Neighbours<float> nearest;
    private readonly ClassIndex names;
    private readonly long[] labels;
    private readonly long[] found;
    private readonly IReadOnlyList<ConfusedClasses> confused;

    internal RunConfusions(RunData data, TestOutcome outcome, Neighbours<float> nearest)
    {
        (this.data, this.outcome, this.nearest) = (data, outcome, nearest);
        names = new ClassIndex(data.Dataset.Items.Select(item => item.Label));
        labels = TestPart.Labels(data.Dataset, data.Split.Queries);
        var gallery = TestPart.Labels(data.Dataset, data.Split.Gallery);
        found = [.. Enumerable.Range(0, labels.Length).Select(query => gallery[nearest.Of(query)[0]])];
        confused = Confusions.Of(labels, found);
    }

    /// <summary>The classes, worst first.</summary>
    internal IReadOnlyList<ReportClass> Classes()
    {
        var mostOften = confused.GroupBy(pair => pair.Label).ToDictionary(group => group.Key, group => group.First());
        return
        [
            .. outcome.Metrics.Classes.Select(one => mostOften.TryGetValue(one.Label, out var pair)
                ? new ReportClass(Name(one.Label), one.Queries, one.Values, Name(pair.TakenFor), pair.Count)
                : new ReportClass(Name(one.Label), one.Queries, one.Values)),
        ];
    }

    /// <summary>The most frequent pairs with images, and the matrix of the classes in them.</summary>
    /// <param name="thumbnail">A small image of an item.</param>
    internal ConfusionReport Report(Func<int, EncodedImage> thumbnail)
    {
        var top = confused.Take(Pairs).ToArray();
        long[] classes = [.. top.SelectMany(pair => new[] { pair.Label, pair.TakenFor }).Distinct().Take(MatrixClasses)];
        return new ConfusionReport(
            confused.Sum(pair => pair.Count),
            labels.Length,
            [.. top.Select(pair => new ConfusedPair(Name(pair.Label), Name(pair.TakenFor), pair.Count, pair.Queries, [.. ExamplesOf(pair, thumbnail)]))],
            [.. classes.Select(Name)],
            Confusions.Matrix(labels, found, classes));
    }

    private IEnumerable<ConfusedExample> ExamplesOf(ConfusedClasses pair, Func<int, EncodedImage> thumbnail) =>
        Enumerable.Range(0, labels.Length)
            .Where(query => labels[query] == pair.Label && found[query] == pair.TakenFor)
            .Take(Examples)
            .Select(query => new ConfusedExample(thumbnail(data.Split.Queries[query]), thumbnail(data.Split.Gallery[nearest.Of(query)[0]])));

    private string Name(long label) => names.Names[(int)label];
}
