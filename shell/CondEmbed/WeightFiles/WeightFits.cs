using CondEmbed.Interop;

namespace CondEmbed.WeightFiles;

/// <summary>Finds the encoders that weights fit.</summary>
public static class WeightFits
{
    private const string First = "resnet50-v1";
    private const string Second = "resnet50";

    /// <summary>Every encoder with how the weights fit it, the best fit first; without those that the file itself rules out.</summary>
    public static IReadOnlyList<EncoderFit> Of(WeightFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        var wrong = ResNet50Of(file) switch { First => Second, Second => First, _ => null };
        return [.. EncoderFit.Of(file.Arrays.Select(array => KeyValuePair.Create(array.Name, array.Shape.ToArray()))).Where(fit => fit.Encoder != wrong)];
    }

    /// <summary>Both variants of ResNet-50 have the same names and shapes, so only the file can tell which one it is; null when it does not.</summary>
    internal static string? ResNet50Of(WeightFile file) =>
        file.Text("stride") is not { } stride ? null : stride.StartsWith("first", StringComparison.OrdinalIgnoreCase) ? First : Second;
}
