using System.Diagnostics;

namespace CondEmbed.Options;

/// <summary>What the network sees of an image, according to the settings of a run.</summary>
public static class Views
{
    /// <summary>Resize and centre crop: the view at test time.</summary>
    public static EvalTransform ForTesting(RunSettings settings) =>
        new(settings.ShortSide, settings.Core.Size, settings.Host.Filter) { Background = BackgroundOf(settings.Host) };

    /// <summary>The decoder for the settings: the size limit, and the colour behind transparent parts.</summary>
    public static SkiaDecoder Decoder(HostSettings settings) => new(settings.MaxPixels) { Background = BackgroundOf(settings) };

    /// <summary>The view at test time in words.</summary>
    internal static string Describe(RunSettings settings) => ForTesting(settings) switch
    {
        { Resize: var resize, Crop: var crop } when resize == crop => FormattableString.Invariant($"test images: short side {resize} px, of which the network sees the central square"),
        { Resize: var resize, Crop: var crop } => FormattableString.Invariant($"test images: short side {resize} px, of which the network sees the central {crop} x {crop} px"),
    };

    /// <summary>The augmented view while training.</summary>
    public static TrainTransform ForTraining(RunSettings settings) => settings.Host.Augment switch
    {
        Augmentation.None => TrainTransform.None(ForTesting(settings)),
        Augmentation.Crop => Augmented(settings, Geometry.ResizedCrop),
        Augmentation.Shift => Augmented(settings, Geometry.ShiftScale),
        var other => throw new UnreachableException($"there is no augmentation {other}"),
    };

    private static TrainTransform Augmented(RunSettings settings, Geometry geometry)
    {
        var host = settings.Host;
        var (surround, colour) = host.Surround switch
        {
            SurroundFill.Edge => (Surround.Edge, default(Rgb)),
            SurroundFill.White => (Surround.Constant, new Rgb(255, 255, 255)),
            SurroundFill.Black => (Surround.Constant, default),
            var other => throw new UnreachableException($"there is nothing like {other} around an image"),
        };

        return new TrainTransform
        {
            Size = settings.Core.Size,
            Background = BackgroundOf(host),
            Resize = settings.ShortSide,
            Filter = host.Filter,
            Geometry = geometry,
            CropScale = new Interval(host.ScaleMin, host.ScaleMax),
            BoxScale = new Interval(host.ScaleMin, host.ScaleMax),
            Shift = host.Shift,
            Rotation = host.Rotate,
            Surround = surround,
            SurroundColour = colour,
            FlipProbability = host.Flip,
            Brightness = host.Brightness,
            Contrast = host.Contrast,
            Saturation = host.Saturation,
            Hue = host.Hue,
            GreyProbability = host.Grey,
            ErasingProbability = host.Erase,
        };
    }

    private static Rgb? BackgroundOf(HostSettings settings) => Colours.Parse(settings.Background);
}
