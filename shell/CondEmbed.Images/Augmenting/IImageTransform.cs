namespace CondEmbed.Images;

/// <summary>What turns an image into the network's input: a square of 8-bit RGB. Safe to use from several threads at once.</summary>
public interface IImageTransform
{
    /// <summary>The side of the square, in pixels.</summary>
    int OutputSize { get; }

    /// <summary>The colour behind transparent parts of images; null where transparency is dropped. Whatever decodes for the transform must apply it.</summary>
    Rgb? Background => null;

    /// <summary>H W 3 -> OutputSize OutputSize 3, row after row.</summary>
    /// <param name="image">The decoded image; it is not changed.</param>
    /// <param name="random">The image's own stream; a transform that is not random does not use it.</param>
    /// <param name="destination">OutputSize x OutputSize x 3 bytes, all overwritten.</param>
    void Apply(RgbImage image, ref SeededRandom random, Span<byte> destination);
}

/// <summary>A transform that can tell in advance which part of an image it needs, so that no more has to be decoded.</summary>
internal interface IPartTransform : IImageTransform
{
    /// <summary>The part of an image of that size outside which no pixel has any influence.</summary>
    /// <param name="width">Pixels in a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="random">A copy of the image's own stream, as it will be when the transform is applied.</param>
    PixelBox Part(int width, int height, SeededRandom random);
}
