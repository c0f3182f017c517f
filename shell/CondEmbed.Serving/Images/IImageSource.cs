namespace CondEmbed.Images;

/// <summary>Encoded pictures by number. Safe to read from several threads at once.</summary>
public interface IImageSource
{
    /// <summary>How many pictures there are.</summary>
    int Count { get; }

    /// <summary>The name of picture <paramref name="index"/> as shown to people: a path, or a place inside an archive.</summary>
    string NameOf(int index);

    /// <summary>The encoded file of picture <paramref name="index"/>.</summary>
    byte[] Read(int index);

    /// <summary>Bytes of that file; 0 where it cannot be read.</summary>
    long LengthOf(int index) => Read(index).LongLength;

    /// <summary>The part of the upright picture that is meant; null for the whole.</summary>
    PixelBox? BoxOf(int index) => null;

    /// <summary>Whether a box that reaches over an edge of the picture is cut there; else such a picture is a bad one.</summary>
    bool ClipsBoxes => false;
}

/// <summary>Picture files by their paths.</summary>
internal sealed class PathSource(IReadOnlyList<string> paths) : IImageSource
{
    public int Count => paths.Count;

    public string NameOf(int index) => paths[index];

    public byte[] Read(int index) => PictureFile.Read(paths[index]);
}
