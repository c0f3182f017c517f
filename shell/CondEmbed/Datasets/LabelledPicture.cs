using CondEmbed.Images;
using TorchSharp;

namespace CondEmbed.Datasets;

/// <summary>A picture with the name of its class, wherever it is: in a file, decoded, or a tensor. What a <see cref="MemoryDataset"/> is made of.</summary>
public sealed class LabelledPicture
{
    private readonly string? path;
    private readonly byte[]? file;

    /// <summary>A picture file; it is read when the picture is needed.</summary>
    /// <param name="label">The name of its class.</param>
    /// <param name="path">The file.</param>
    public LabelledPicture(string label, string path)
    {
        Label = label ?? throw new ArgumentNullException(nameof(label));
        this.path = path ?? throw new ArgumentNullException(nameof(path));
    }

    /// <summary>A decoded picture; it is kept without loss.</summary>
    /// <param name="label">The name of its class.</param>
    /// <param name="picture">The pixels.</param>
    public LabelledPicture(string label, RgbImage picture)
    {
        Label = label ?? throw new ArgumentNullException(nameof(label));
        file = ImageEncoder.Png(picture);
    }

    /// <summary>A picture as a tensor; it is copied.</summary>
    /// <param name="label">The name of its class.</param>
    /// <param name="picture">H W 3 bytes.</param>
    /// <exception cref="ArgumentException">The tensor is no such picture.</exception>
    public LabelledPicture(string label, torch.Tensor picture)
        : this(label, Decoded(picture))
    {
    }

    /// <summary>The name of its class.</summary>
    public string Label { get; }

    /// <summary>What it is for; <see cref="Role.Unassigned"/> leaves that to a <see cref="ClassSplit"/>.</summary>
    public Role Role { get; init; }

    /// <summary>The wider kind that its class belongs to; null where none is known.</summary>
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
            throw new ArgumentException($"A picture is H W 3 bytes; this is {picture.dtype} [{string.Join(", ", shape)}].", nameof(picture));
        using var host = picture.cpu();
        using var dense = host.contiguous();
        return new RgbImage((int)shape[1], (int)shape[0], [.. dense.data<byte>()]);
    }
}
