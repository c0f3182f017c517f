using CondEmbed.Datasets;
using CondEmbed.Search;

namespace CondEmbed.Interchange;

/// <summary>Names images by their content while they are read for something else, so that every file is read only once.</summary>
/// <param name="dataset">The images.</param>
/// <param name="see">Told the number of each image that is read, and its id; from any thread.</param>
internal sealed class IdentifiedImages(IImageDataset dataset, Action<int, string> see) : IImageSource
{
    public int Count => dataset.Count;

    public bool ClipsBoxes => dataset.ClipsBoxes;

    public string NameOf(int index) => dataset.NameOf(index);

    public PixelBox? BoxOf(int index) => dataset.BoxOf(index);

    public byte[] Read(int index)
    {
        var file = dataset.Read(index);
        see(index, ImageId.Of(file, dataset.BoxOf(index)));
        return file;
    }
}
