namespace CondEmbed.Images;

/// <summary>Picture files by their paths.</summary>
internal sealed class PathSource(IReadOnlyList<string> paths) : IImageSource
{
    public int Count => paths.Count;

    public string NameOf(int index) => paths[index];

    public byte[] Read(int index) => PictureFile.Read(paths[index]);
}
