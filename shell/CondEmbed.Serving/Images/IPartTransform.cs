namespace CondEmbed.Images;

/// <summary>A transform that can tell beforehand which part of a picture it will look at, so that no more has to be decoded.</summary>
internal interface IPartTransform : IImageTransform
{
    /// <summary>The part of a picture of that size outside which no pixel has any influence.</summary>
    /// <param name="width">Pixels in a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="random">A copy of the picture's own stream, as it will be when the transform is applied.</param>
    PixelBox Part(int width, int height, SeededRandom random);
}
