namespace CondEmbed.Images;

/// <summary>In which order the bytes of a pixel of another library stand.</summary>
public enum PixelOrder
{
    /// <summary>Red, green, blue.</summary>
    Rgb,

    /// <summary>Blue, green, red, as System.Drawing's <c>Format24bppRgb</c> and OpenCV have them.</summary>
    Bgr,

    /// <summary>Red, green, blue, and a fourth byte that is dropped.</summary>
    Rgba,

    /// <summary>Blue, green, red, and a fourth byte that is dropped.</summary>
    Bgra,

    /// <summary>One byte, the same for all three.</summary>
    Grey,
}
