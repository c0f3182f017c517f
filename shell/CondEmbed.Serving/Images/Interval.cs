using System.Globalization;

namespace CondEmbed.Images;

/// <summary>A range of an option, both ends included.</summary>
/// <param name="Low">The lower end.</param>
/// <param name="High">The upper end, not below the lower.</param>
public readonly record struct Interval(double Low, double High)
{
    /// <summary>"low-high" in the invariant culture.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Low}-{High}");

    internal bool IsWithin(double least, double most) => Low >= least && High <= most && Low <= High;
}
