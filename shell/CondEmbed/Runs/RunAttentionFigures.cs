using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Pairs;
using CondEmbed.Reports;
using CondEmbed.Search;

namespace CondEmbed.Runs;

/// <summary>
/// Pairs of test images with the levels' attention, for the report. Few images are embedded for it: the queries that the report shows, and for
/// each the nearest and the farthest of its class, and the nearest of another class.
/// </summary>
internal sealed class RunAttentionFigures(Session session, RunSettings settings, RunData data)
{
    private const int Pairs = 3;
    private const int Side = 128;

    private readonly Comparer comparer = session.Comparer();
    private readonly EvalTransform view = Views.ForTesting(settings);

    internal IReadOnlyList<AttentionFigureGroup> Groups(TestOutcome outcome, Neighbours<float> nearest, IReadOnlyList<int> queries)
    {
        ImagePair[] pairs = [.. queries.SelectMany(query => PairsOf(query, outcome, nearest)).Distinct()];
        var similarities = ConditionalModel.Compare(session, view, data.Reader, pairs, settings.Host.Workers);
        var found = pairs.Zip(similarities).OrderByDescending(pair => pair.Second.Last).ToArray();
        var right = found.Where(pair => Label(pair.First.First) == Label(pair.First.Second)).ToArray();
        var wrong = found.Except(right);
        var among = $"Among the queries above; by the similarity of {(comparer.Levels == 1 ? "the level" : "the last level")}.";

        return
        [
            Group("Of one class, most alike", among, right.Take(Pairs)),
            Group("Of one class, least alike", among, right.Skip(Pairs).Reverse().Take(Pairs)),
            Group("Of two classes, most alike", among, wrong.Take(Pairs)),
        ];
    }

    private AttentionFigureGroup Group(string title, string note, IEnumerable<(ImagePair Items, PairSimilarity)> pairs) =>
        new(title, note, [.. pairs.Select(pair => Pair(pair.Items.First, pair.Items.Second))]);

    private AttentionFigurePair Pair(int first, int second)
    {
        var pair = PairExplanation.Of(view, comparer, data.Reader.Read(first), data.Reader.Read(second));
        return new(
            SideOf(first, pair.First, pair.Levels, level => level.FirstMean),
            SideOf(second, pair.Second, pair.Levels, level => level.SecondMean),
            pair.Similarity.Unconditional,
            pair.Similarity.Levels);
    }

    private AttentionFigureSide SideOf(int item, RgbImage view, IReadOnlyList<PairAttention> levels, Func<PairAttention, float[]> weightsOf) =>
        new(Label(item), data.Dataset.Items[item].Path, Jpeg(PairSheet.Enlarged(view, Side)), [.. levels.Select(level => Map(level, weightsOf(level), view))]);

    private string Label(int item) => data.Dataset.Items[item].Label;

    /// <summary>Pairs of a query with others, each with the lower number first, so that there are no duplicates.</summary>
    private IEnumerable<ImagePair> PairsOf(int query, TestOutcome outcome, Neighbours<float> nearest)
    {
        var (self, gallery) = (data.Split.Queries[query], data.Split.Gallery);
        var places = nearest.Of(query).ToArray();
        var same = Enumerable.Range(0, gallery.Count).Where(place => gallery[place] != self && Label(gallery[place]) == Label(self)).ToArray();
        var bySimilarity = same.OrderByDescending(place => DotProduct.Of(outcome.Queries.Row(query), outcome.Gallery.Row(place))).ToArray();
        IEnumerable<int> chosen = [.. bySimilarity.Take(1), .. bySimilarity.TakeLast(1), .. places.Except(same).Where(place => gallery[place] != self).Take(1)];
        return chosen.Select(place => new ImagePair(Math.Min(self, gallery[place]), Math.Max(self, gallery[place])));
    }

    private static AttentionMap Map(PairAttention level, float[] weights, RgbImage view) =>
        new(Jpeg(PairSheet.Heat(view, weights, level, Side)), PairSheet.Range(weights));

    private static EncodedImage Jpeg(RgbImage image) => new(ImageEncoder.Jpeg(image), "image/jpeg");
}
