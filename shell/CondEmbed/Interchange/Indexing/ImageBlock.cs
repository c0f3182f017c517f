using CondEmbed.Datasets;
using CondEmbed.Search;

namespace CondEmbed.Interchange;

/// <summary>Some images of a data set, named by their content, leaving out those that cannot be read.</summary>
internal sealed class ImageBlock
{
    private readonly IImageDataset dataset;
    private readonly LoaderOptions loader;
    private readonly List<(int Item, string Id)> images = [];

    internal ImageBlock(IImageDataset dataset, int[] items, int workers, Action<BadImageException, int> skip, CancellationToken cancellationToken)
    {
        this.dataset = dataset;
        loader = new LoaderOptions(workers);
        var ids = new string?[items.Length];
        var bad = new BadImageException?[items.Length];
        ParallelWork.Each(items.Length, Identify, workers, cancellationToken);

        for (var at = 0; at < items.Length; at++)
        {
            if (ids[at] is { } id)
            {
                images.Add((items[at], id));
            }
            else
            {
                skip(bad[at]!, items[at]);
            }
        }

        void Identify(int at)
        {
            try
            {
                ids[at] = ImageId.Of(dataset.Read(items[at]), dataset.BoxOf(items[at]));
            }
            catch (BadImageException problem)
            {
                bad[at] = problem;
            }
        }
    }

    /// <summary>The images that can be read, by their numbers in the data set, with their ids.</summary>
    internal IReadOnlyList<(int Item, string Id)> Images => images;

    /// <summary>The images in order, with the labels of the data or one for all.</summary>
    internal IReadOnlyList<StorePlace> Places(string? label) =>
        [.. images.Select(image => new StorePlace(image.Id, dataset.Items[image.Item].Path, label ?? dataset.Items[image.Item].Label))];

    /// <summary>The embeddings of the images with the given ids, except bad ones.</summary>
    internal IReadOnlyDictionary<string, ReadOnlyMemory<float>> Embed(
        IEmbeddingNetwork network, IReadOnlyList<string> ids, Action<BadImageException, int> skip, CancellationToken cancellationToken)
    {
        var idOf = new Dictionary<int, string>();
        var wanted = ids.ToHashSet(StringComparer.Ordinal);
        foreach (var (item, id) in images)
        {
            if (wanted.Remove(id))
            {
                idOf.Add(item, id);
            }
        }

        var reader = new ImageReader(new IdentifiedImages(dataset, DemandUnchanged));
        var found = new Dictionary<string, ReadOnlyMemory<float>>(StringComparer.Ordinal);
        var batches = new BatchLoader(reader, loader).InOrder(
            [.. idOf.Keys], null, network.BatchSize, network.View, bad => skip(new BadImageException(bad.Name, bad.Reason), bad.Index), cancellationToken);
        foreach (var batch in batches)
        {
            using (batch)
            {
                var values = network.Embed(batch.Pixels, batch.Count).AsMemory();
                for (var row = 0; row < batch.Count; row++)
                {
                    found.Add(idOf[batch.Indices[row]], values.Slice(row * network.Dimension, network.Dimension));
                }
            }
        }

        return found;

        // An embedding must not be stored under the id of other content.
        void DemandUnchanged(int item, string id)
        {
            if (id != idOf[item])
            {
                throw new BadImageException(dataset.NameOf(item), "it changed while it was being read");
            }
        }
    }
}
