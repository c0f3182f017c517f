namespace CondEmbed.Images;

/// <summary>Encoded images by number. Safe to read from several threads at once.</summary>
public interface IImageSource
{
    /// <summary>How many images there are.</summary>
    int Count { get; }

    /// <summary>The name of image <paramref name="index"/> as shown to people: a path, or a place inside an archive.</summary>
    string NameOf(int index);

    /// <summary>The encoded file of image <paramref name="index"/>.</summary>
    byte[] Read(int index);

    /// <summary>Bytes of that file; 0 where it cannot be read.</summary>
    long LengthOf(int index) => Read(index).LongLength;

    /// <summary>What changes when the file does, told without reading it, such as its place, length and time; null where only reading it tells.</summary>
    string? StampOf(int index) => null;

    /// <summary>The part of the upright image to use; null for the whole image.</summary>
    PixelBox? BoxOf(int index) => null;

    /// <summary>Whether a box that reaches past the edge of the image is clipped there; otherwise such an image is bad.</summary>
    bool ClipsBoxes => false;
}

/// <summary>Image files by their paths.</summary>
internal sealed class PathSource(IReadOnlyList<string> paths) : IImageSource
{
    public int Count => paths.Count;

    public string NameOf(int index) => paths[index];

    public byte[] Read(int index) => ImageFile.Read(paths[index]);
}
