using System.Collections.Concurrent;
using CondEmbed.Datasets;
using CondEmbed.Images;
using CondEmbed.Search;

namespace CondEmbed.Interchange;

/// <summary>Names images by content while they are read for the network, so that every file is read only once.</summary>
internal sealed class NamedImages(IImageDataset dataset) : IImageSource
{
    private readonly ConcurrentDictionary<int, string> ids = new();

    public int Count => dataset.Count;

    public bool ClipsBoxes => dataset.ClipsBoxes;

    public string NameOf(int index) => dataset.NameOf(index);

    public PixelBox? BoxOf(int index) => dataset.BoxOf(index);

    public byte[] Read(int index)
    {
        var file = dataset.Read(index);
        ids[index] = ImageId.Of(file, dataset.BoxOf(index));
        return file;
    }

    /// <summary>The id of an image that was read.</summary>
    internal string IdOf(int index) => ids[index];
}
