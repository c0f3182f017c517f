using CondEmbed.Evaluation;
using CondEmbed.Models;
using CondEmbed.Reports;

namespace CondEmbed.Runs;

/// <summary>The map of a run's test embeddings, for the report.</summary>
internal sealed class RunMap(RunData data, int seed)
{
    /// <summary>The time of t-SNE grows with their square.</summary>
    private const int MostPoints = 1500;

    /// <summary>Fewer images of a class do not show whether it forms a cluster.</summary>
    private const int FewestOfClass = 6;

    private const int Side = 48;

    /// <summary>Null if there is too little to lay out.</summary>
    internal EmbeddingMap? Draw(TestOutcome outcome, CancellationToken cancellationToken)
    {
        var gallery = data.Split.Gallery;
        var places = Chosen([.. gallery.Select(item => data.Dataset.Items[item].Label)]);

        if (places.Count < 3)
        {
            return null;
        }

        var unit = outcome.Gallery.Chosen([.. places]).AtUnitLength();
        var (sheet, columns, rows) = SpriteSheet.Of(place => data.Reader.Read(gallery[places[place]]), places.Count, Side, cancellationToken);
        return new EmbeddingMap(
            [
                new("t-SNE", "neighbourhoods are preserved; the axes, the sizes of groups and the distances between distant groups mean nothing.", Tsne.Map(unit, new TsneOptions { Seed = seed }, cancellationToken)),
                new("PCA", "the two directions in which the embeddings vary most; distances are exact except for what lies along the other directions.", PrincipalComponents.Plane(unit)),
            ],
            [.. places.Select(place => data.Dataset.Items[gallery[place]]).Select(item => new MapItem(item.Label, item.Path))],
            sheet,
            columns,
            rows,
            places.Count == gallery.Count ? "All images of the test part." : $"{Readable.Count(places.Count)} of {Readable.Count(gallery.Count)} images of the test part, drawn class by class.");
    }

    /// <summary>
    /// Gallery indices grouped by class: all of them or, if there are too many, as many classes as fit, drawn by the seed, with an equal share of
    /// images each.
    /// </summary>
    internal List<int> Chosen(IReadOnlyList<string> labels)
    {
        var classes = labels.Index().GroupBy(one => one.Item, one => one.Index, StringComparer.Ordinal).Select(group => group.ToArray()).ToArray();

        if (labels.Count <= MostPoints)
        {
            return [.. classes.SelectMany(places => places)];
        }

        var share = Math.Max(FewestOfClass, MostPoints / classes.Length);
        return [.. classes.OrderBy(places => Drawn(places[0])).Select(places => places.OrderBy(Drawn).Take(share).Order()).SelectMany(places => places).Take(MostPoints)];

        ulong Drawn(int place) => SeededRandom.For(seed, place, 1).Bits();
    }
}
