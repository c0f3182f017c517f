namespace CondEmbed.Images;

/// <summary>How pixels are interpolated. Both widen when shrinking (antialias), as Pillow's do.</summary>
public enum ResampleFilter
{
    /// <summary>A triangle, 1 pixel to each side.</summary>
    Bilinear,

    /// <summary>Keys' cubic convolution with a = -1/2, 2 pixels to each side.</summary>
    Bicubic
}
