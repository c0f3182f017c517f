using CondEmbed.Options;

namespace CondEmbed.WeightFiles;

/// <summary>Finds the encoders that weights fit.</summary>
public static class WeightFits
{
    /// <summary>Every encoder with how the weights fit it, the best fit first; without those that the file itself rules out.</summary>
    public static IReadOnlyList<EncoderFit> Of(WeightFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return [.. EncoderFit.Of(file.Arrays.Select(array => KeyValuePair.Create(array.Name, array.Shape.ToArray()))).Where(fit => !HasOtherStride(file, fit.Encoder))];
    }

    /// <summary>
    /// Whether a file declares its stride at another convolution of a bottleneck than an encoder has it. Names and shapes are the same either way, so only the file can tell.
    /// </summary>
    internal static bool HasOtherStride(WeightFile file, string encoder) =>
        file.Text("stride") is { } stride
        && EncoderDescription.Of(encoder) is { HasBottlenecks: true } form
        && form.StrideOnFirst != stride.StartsWith("first", StringComparison.OrdinalIgnoreCase);

    /// <summary>Refuses an encoder whose stride is not where the file declares it.</summary>
    /// <exception cref="InputException">The file declares another stride than the encoder has.</exception>
    internal static void DemandStride(WeightFile file, string encoder)
    {
        if (HasOtherStride(file, encoder))
        {
            var wanted = CoreSettings.Encoders.First(name => EncoderDescription.Of(name).HasBottlenecks && !HasOtherStride(file, name));
            throw new InputException($"{file.Path}: declares its stride at the {file.Text("stride")}, as in the encoder '{wanted}', not '{encoder}'. Use that one: {Wording.Setting("encoder", wanted)}.");
        }
    }
}
