using CondEmbed.Datasets;

namespace CondEmbed.Models;

/// <summary>Queries and gallery, with the classes numbered as in the index of all labels of the data.</summary>
/// <param name="Queries">Q numbers of images.</param>
/// <param name="Gallery">G numbers of images.</param>
/// <param name="QueryLabels">Q, the class of each query.</param>
/// <param name="GalleryLabels">G, the class of each gallery item.</param>
/// <param name="Self">For each query its own index in the gallery, or -1.</param>
internal sealed record TestPart(IReadOnlyList<int> Queries, IReadOnlyList<int> Gallery, long[] QueryLabels, long[] GalleryLabels, int[] Self)
{
    internal static TestPart Of(IImageDataset dataset, IReadOnlyList<int> queries, IReadOnlyList<int> gallery)
    {
        var places = gallery.Select((item, place) => (item, place)).ToDictionary(pair => pair.item, pair => pair.place);
        return new(
            queries,
            gallery,
            Labels(dataset, queries),
            Labels(dataset, gallery),
            [.. queries.Select(item => places.GetValueOrDefault(item, -1))]);
    }

    internal static long[] Labels(IImageDataset dataset, IReadOnlyList<int> items) =>
        new ClassIndex(dataset.Items.Select(item => item.Label)).NumbersOf(items.Select(item => dataset.Items[item].Label));
}
