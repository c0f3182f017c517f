namespace CondEmbed.Export;

/// <summary>Weights as whole numbers from -127 to 127 with a scale for each output channel.</summary>
/// <param name="Values">As many as there were weights, in their order.</param>
/// <param name="Scales">One an output channel: a weight is about its value times the scale.</param>
internal sealed record Int8(sbyte[] Values, float[] Scales)
{
    private const float Greatest = 127;

    /// <summary>
    /// Symmetric: zero stays zero, and the weight that is furthest from it becomes 127 or -127. No weight is off by more than half its channel's scale.
    /// </summary>
    /// <param name="weights">Row-major.</param>
    /// <param name="channels">How many output channels there are.</param>
    /// <param name="stride">How far apart two weights are whose channels are neighbours: a channel's own weights are those of (i / stride) % channels.</param>
    internal static Int8 Of(ReadOnlySpan<float> weights, int channels, int stride)
    {
        var scales = new float[channels];

        for (var i = 0; i < weights.Length; i++)
        {
            ref var scale = ref scales[i / stride % channels];
            scale = Math.Max(scale, Math.Abs(weights[i]) / Greatest);
        }

        var values = new sbyte[weights.Length];

        for (var i = 0; i < weights.Length; i++)
        {
            var scale = scales[i / stride % channels];
            values[i] = scale == 0 ? (sbyte)0 : (sbyte)Math.Clamp(MathF.Round(weights[i] / scale), -Greatest, Greatest);
        }

        return new Int8(values, scales);
    }
}
