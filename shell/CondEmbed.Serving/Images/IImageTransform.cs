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

/// <summary>A transform that can tell beforehand which part of a picture it will look at, so that no more has to be decoded.</summary>
internal interface IPartTransform : IImageTransform
{
    /// <summary>The part of a picture of that size outside which no pixel has any influence.</summary>
    /// <param name="width">Pixels in a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="random">A copy of the picture's own stream, as it will be when the transform is applied.</param>
    PixelBox Part(int width, int height, SeededRandom random);
}
