namespace CondEmbed.Images;

/// <summary>Which part of the image a training view shows.</summary>
public enum Geometry
{
    /// <summary>torchvision's RandomResizedCrop: a box of random area and aspect inside the image.</summary>
    ResizedCrop,

    /// <summary>A square of nearly the whole image, scaled, shifted and turned a little; it may reach outside the image.</summary>
    ShiftScale,

    /// <summary>Nothing random: the short side resized, then the centre cropped, as <see cref="EvalTransform"/> does.</summary>
    CentreCrop
}

/// <summary>What a view shows where it reaches outside the image.</summary>
public enum Surround
{
    /// <summary>The nearest pixel of the image's edge, repeated.</summary>
    Edge,

    /// <summary>A constant colour.</summary>
    Constant
}

/// <summary>A range of an option, both ends included.</summary>
/// <param name="Low">The lower end.</param>
/// <param name="High">The upper end, not below the lower.</param>
public readonly record struct Interval(double Low, double High)
{
    /// <summary>"low-high" in the invariant culture.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Low}-{High}");

    internal bool IsWithin(double least, double most) => Low >= least && High <= most && Low <= High;
}
