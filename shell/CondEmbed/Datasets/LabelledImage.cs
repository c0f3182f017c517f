using TorchSharp;

namespace CondEmbed.Datasets;

/// <summary>An image with the name of its class: in a file, decoded, or as a tensor. The elements of a <see cref="MemoryDataset"/> are such images.</summary>
public sealed class LabelledImage
{
    private readonly string? path;
    private readonly byte[]? file;

    /// <summary>An image file; it is read when the image is needed.</summary>
    /// <param name="label">The name of its class.</param>
    /// <param name="path">The file.</param>
    public LabelledImage(string label, string path)
    {
        Label = label ?? throw new ArgumentNullException(nameof(label));
        this.path = path ?? throw new ArgumentNullException(nameof(path));
    }

    /// <summary>An image file that is read to the end of a stream.</summary>
    /// <param name="label">The name of its class.</param>
    /// <param name="file">The stream, which stays open.</param>
    public LabelledImage(string label, Stream file)
    {
        Label = label ?? throw new ArgumentNullException(nameof(label));
        this.file = file.ToEnd();
    }

    /// <summary>A decoded image; it is stored without loss.</summary>
    /// <param name="label">The name of its class.</param>
    /// <param name="image">The pixels.</param>
    public LabelledImage(string label, RgbImage image)
    {
        Label = label ?? throw new ArgumentNullException(nameof(label));
        file = ImageEncoder.Png(image);
    }

    /// <summary>An image as a tensor; it is copied.</summary>
    /// <param name="label">The name of its class.</param>
    /// <param name="image">H W 3 bytes.</param>
    /// <exception cref="ArgumentException">The tensor is not such an image.</exception>
    public LabelledImage(string label, torch.Tensor image)
        : this(label, Decoded(image))
    {
    }

    /// <summary>The name of its class.</summary>
    public string Label { get; }

    /// <summary>Its role; <see cref="Role.Unassigned"/> leaves that to a <see cref="ClassSplit"/>.</summary>
    public Role Role { get; init; }

    /// <summary>The category of its class; null if unknown.</summary>
    public string? Category { get; init; }

    /// <summary>Further labels by the name of their column, such as its colour.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    internal string NameAt(int index) => path ?? FormattableString.Invariant($"{Label}/{index}");

    internal byte[] Read() => file ?? ImageFile.Read(path!);

    private static RgbImage Decoded(torch.Tensor image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var shape = image.shape;
        if (shape.Length != 3 || shape[2] != 3 || image.dtype != torch.uint8)
            throw new ArgumentException($"An image must be H x W x 3 bytes; this is {image.dtype} [{string.Join(", ", shape)}].", nameof(image));
        using var host = image.cpu();
        using var dense = host.contiguous();
        return new RgbImage((int)shape[1], (int)shape[0], [.. dense.data<byte>()]);
    }
}
