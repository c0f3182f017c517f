using CondEmbed.Common;
using CondEmbed.Images;
using CondEmbed.Interop;

namespace CondEmbed.Options;

/// <summary>What the network sees of an image, according to the settings of a run.</summary>
public static class Views
{
    /// <summary>Resize and centre crop: the view at test time.</summary>
    public static EvalTransform ForTesting(Config config) =>
        new(RunSettings.ResizeOf(config), config.Size, FilterOf(config)) { Background = BackgroundOf(config) };

    /// <summary>The decoder for the settings: the size limit, and the colour behind transparent parts.</summary>
    public static SkiaDecoder Decoder(Config config) => new(RunSettings.MaxPixelsOf(config)) { Background = BackgroundOf(config) };

    /// <summary>The view at test time in words.</summary>
    internal static string Describe(Config config) => ForTesting(config) switch
    {
        { Resize: var resize, Crop: var crop } when resize == crop => FormattableString.Invariant($"test images: short side {resize} px, of which the network sees the central square"),
        { Resize: var resize, Crop: var crop } => FormattableString.Invariant($"test images: short side {resize} px, of which the network sees the central {crop} x {crop} px"),
    };

    /// <summary>The augmented view while training.</summary>
    public static TrainTransform ForTraining(Config config)
    {
        if (config.Augment.IsNone)
        {
            return TrainTransform.None(ForTesting(config));
        }

        return new TrainTransform
        {
            Size = config.Size,
            Background = BackgroundOf(config),
            Resize = RunSettings.ResizeOf(config),
            Filter = FilterOf(config),
            Geometry = config.Augment.IsShift ? Geometry.ShiftScale : Geometry.ResizedCrop,
            CropScale = new Interval(config.ScaleMin, config.ScaleMax),
            BoxScale = new Interval(config.ScaleMin, config.ScaleMax),
            Shift = config.Shift,
            Rotation = config.Rotate,
            Surround = config.Surround.IsEdge ? Surround.Edge : Surround.Constant,
            SurroundColour = config.Surround.IsWhite ? new Rgb(255, 255, 255) : default,
            FlipProbability = config.Flip,
            Brightness = config.Brightness,
            Contrast = config.Contrast,
            Saturation = config.Saturation,
            Hue = config.Hue,
            GreyProbability = config.Grey,
            ErasingProbability = config.Erase,
        };
    }

    private static Rgb? BackgroundOf(Config config) => RunSettings.BackgroundOf(config) is { } colour ? Rgb.Of(colour) : null;

    private static ResampleFilter FilterOf(Config config) =>
        config.Filter.IsBicubic ? ResampleFilter.Bicubic : ResampleFilter.Bilinear;
}
