namespace CondEmbed.Images;

/// <summary>Finds all invalid settings of a transform.</summary>
internal static class TransformProblems
{
    internal static List<string> Of(TrainTransform t)
    {
        var problems = new List<string>();
        Require(t.Size >= 1, nameof(t.Size), t.Size, "must be at least 1 pixel");
        Require(t.Resize is null or >= 1, nameof(t.Resize), t.Resize, "must be at least 1 pixel");
        Require(t.CropScale is { Low: > 0 } && t.CropScale.IsWithin(0, 1), nameof(t.CropScale), t.CropScale, "must increase within 0 (exclusive) to 1");
        Ratio(t.CropRatio, nameof(t.CropRatio));
        Ratio(t.BoxScale, nameof(t.BoxScale));
        Ratio(t.BoxRatio, nameof(t.BoxRatio));
        Require(t.Shift is >= 0 and <= 1, nameof(t.Shift), t.Shift, "must be from 0 to 1");
        Require(t.Rotation is >= 0 and <= 180, nameof(t.Rotation), t.Rotation, "must be from 0 to 180 degrees");
        Probability(t.FlipProbability, nameof(t.FlipProbability));
        Probability(t.JitterProbability, nameof(t.JitterProbability));
        Probability(t.GreyProbability, nameof(t.GreyProbability));
        Probability(t.ErasingProbability, nameof(t.ErasingProbability));
        Strength(t.Brightness, nameof(t.Brightness));
        Strength(t.Contrast, nameof(t.Contrast));
        Strength(t.Saturation, nameof(t.Saturation));
        Require(t.Hue is >= 0 and <= 0.5, nameof(t.Hue), t.Hue, "must be from 0 to 0.5");
        Require(t.ErasingScale.IsWithin(0, 1), nameof(t.ErasingScale), t.ErasingScale, "must increase within 0 to 1");
        Ratio(t.ErasingRatio, nameof(t.ErasingRatio));
        return problems;

        void Require(bool right, string name, object? value, string rule)
        {
            if (!right)
                problems.Add(string.Create(CultureInfo.InvariantCulture, $"{name} is {value}, but {rule}."));
        }

        void Probability(double value, string name) => Require(value is >= 0 and <= 1, name, value, "must be from 0 to 1");

        void Strength(double value, string name) => Require(value is >= 0 and <= 100, name, value, "must be from 0 (off) to 100");

        void Ratio(Interval value, string name) =>
            Require(value is { Low: > 0 } && value.IsWithin(0, 100), name, value, "must increase within 0 (exclusive) to 100");
    }
}
