using CondEmbed.Images;
using CondEmbed.Interop;

namespace CondEmbed.Training;

/// <summary>What the network sees of a picture, by the settings of a run.</summary>
public static class Views
{
    /// <summary>Resize and centre crop: the view at test time.</summary>
    public static EvalTransform ForTesting(Config config) => new(RunSettings.ResizeOf(config), config.Size, FilterOf(config));

    /// <summary>The augmented view while training.</summary>
    public static TrainTransform ForTraining(Config config)
    {
        if (config.Augment == "none")
        {
            return TrainTransform.None(ForTesting(config));
        }

        return new TrainTransform
        {
            Size = config.Size,
            Resize = RunSettings.ResizeOf(config),
            Filter = FilterOf(config),
            Geometry = config.Augment == "shift" ? Geometry.ShiftScale : Geometry.ResizedCrop,
            CropScale = new Interval(config.ScaleMin, config.ScaleMax),
            BoxScale = new Interval(config.ScaleMin, config.ScaleMax),
            Shift = config.Shift,
            Rotation = config.Rotate,
            Surround = config.Surround == "edge" ? Surround.Edge : Surround.Constant,
            SurroundColour = config.Surround == "white" ? new Rgb(255, 255, 255) : default,
            FlipProbability = config.Flip,
            Brightness = config.Brightness,
            Contrast = config.Contrast,
            Saturation = config.Saturation,
            Hue = config.Hue,
            GreyProbability = config.Grey,
            ErasingProbability = config.Erase,
        };
    }

    private static ResampleFilter FilterOf(Config config) =>
        config.Filter == "bicubic" ? ResampleFilter.Bicubic : ResampleFilter.Bilinear;
}
