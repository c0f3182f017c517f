namespace CondEmbed.Images;

/// <summary>What turns a picture into the network's input: a square of 8-bit RGB. Safe to use from several threads at once.</summary>
public interface IImageTransform
{
    /// <summary>The side of the square, in pixels.</summary>
    int OutputSize { get; }

    /// <summary>The colour behind transparent parts of pictures; null where transparency is dropped. Whoever decodes for the transform puts it there.</summary>
    Rgb? Background => null;

    /// <summary>H W 3 -> OutputSize OutputSize 3, row after row.</summary>
    /// <param name="image">The decoded picture; it is not changed.</param>
    /// <param name="random">The picture's own stream; a transform without chance leaves it alone.</param>
    /// <param name="destination">OutputSize x OutputSize x 3 bytes, all overwritten.</param>
    void Apply(RgbImage image, ref SeededRandom random, Span<byte> destination);
}
