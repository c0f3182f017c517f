using CondEmbed.Images;
using TorchSharp;

namespace CondEmbed.Datasets;

/// <summary>An image with the name of its class: in a file, decoded, or as a tensor. The elements of a <see cref="MemoryDataset"/> are such images.</summary>
public sealed class LabelledPicture
{
    private readonly string? path;
    private readonly byte[]? file;

    /// <summary>An image file; it is read when the image is needed.</summary>
    /// <param name="label">The name of its class.</param>
    /// <param name="path">The file.</param>
    public LabelledPicture(string label, string path)
    {
        Label = label ?? throw new ArgumentNullException(nameof(label));
        this.path = path ?? throw new ArgumentNullException(nameof(path));
    }

    /// <summary>A decoded image; it is stored without loss.</summary>
    /// <param name="label">The name of its class.</param>
    /// <param name="picture">The pixels.</param>
    public LabelledPicture(string label, RgbImage picture)
    {
        Label = label ?? throw new ArgumentNullException(nameof(label));
        file = ImageEncoder.Png(picture);
    }

    /// <summary>An image as a tensor; it is copied.</summary>
    /// <param name="label">The name of its class.</param>
    /// <param name="picture">H W 3 bytes.</param>
    /// <exception cref="ArgumentException">The tensor is not such an image.</exception>
    public LabelledPicture(string label, torch.Tensor picture)
        : this(label, Decoded(picture))
    {
    }

    /// <summary>The name of its class.</summary>
    public string Label { get; }

    /// <summary>Its role; <see cref="Role.Unassigned"/> leaves that to a <see cref="ClassSplit"/>.</summary>
    public Role Role { get; init; }

    /// <summary>The category of its class; null if unknown.</summary>
    public string? Category { get; init; }

    internal string NameAt(int index) => path ?? FormattableString.Invariant($"{Label}/{index}");

    internal byte[] Read()
    {
        try
        {
            return file ?? File.ReadAllBytes(path!);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new BadPictureException(path!, "cannot be read: " + problem.Message.TrimEnd('.'));
        }
    }

    private static RgbImage Decoded(torch.Tensor picture)
    {
        ArgumentNullException.ThrowIfNull(picture);
        var shape = picture.shape;
        if (shape.Length != 3 || shape[2] != 3 || picture.dtype != torch.uint8)
            throw new ArgumentException($"An image must be H x W x 3 bytes; this is {picture.dtype} [{string.Join(", ", shape)}].", nameof(picture));
        using var host = picture.cpu();
        using var dense = host.contiguous();
        return new RgbImage((int)shape[1], (int)shape[0], [.. dense.data<byte>()]);
    }
}
