namespace CondEmbed.Images;

/// <summary>
/// A random view of an image for training: geometry, mirror, colour jitter, grey, erasing, in this order. The defaults are
/// torchvision's RandomResizedCrop and RandomHorizontalFlip, all else off. What is drawn depends only on the stream that is given.
/// </summary>
public sealed record TrainTransform : IPartTransform
{
    /// <summary>The side of the square that comes out, in pixels.</summary>
    public int Size { get; init; } = 224;

    /// <summary>Which part of the image is shown.</summary>
    public Geometry Geometry { get; init; } = Geometry.ResizedCrop;

    /// <summary>The interpolation, antialiased.</summary>
    public ResampleFilter Filter { get; init; } = ResampleFilter.Bilinear;

    /// <summary>ResizedCrop: the box's area as a fraction of the image's, uniform.</summary>
    public Interval CropScale { get; init; } = new(0.2, 1);

    /// <summary>ResizedCrop: the box's width by its height, log-uniform.</summary>
    public Interval CropRatio { get; init; } = new(3.0 / 4, 4.0 / 3);

    /// <summary>
    /// ShiftScale and CentreCrop: the short side in pixels after the resize of which Size pixels are the centre, as in the
    /// evaluation's resize and crop; null shows the whole short side.
    /// </summary>
    public int? Resize { get; init; }

    /// <summary>ShiftScale: the side of the square as a fraction of the centre crop's, uniform; above 1 the image shrinks.</summary>
    public Interval BoxScale { get; init; } = new(0.8, 1.2);

    /// <summary>ShiftScale: width by height of the box, log-uniform; its area stays.</summary>
    public Interval BoxRatio { get; init; } = new(1, 1);

    /// <summary>ShiftScale: the most by which the box moves in x and in y, as a fraction of the centre crop's side, uniform.</summary>
    public double Shift { get; init; } = 0.1;

    /// <summary>ShiftScale: the most by which the image turns to either side, in degrees, uniform.</summary>
    public double Rotation { get; init; }

    /// <summary>ShiftScale: what is outside the image.</summary>
    public Surround Surround { get; init; } = Surround.Edge;

    /// <summary>ShiftScale with a constant surround: its colour.</summary>
    public Rgb SurroundColour { get; init; }

    /// <summary>The probability that the view is mirrored.</summary>
    public double FlipProbability { get; init; } = 0.5;

    /// <summary>The probability that the four jitters below are applied at all.</summary>
    public double JitterProbability { get; init; } = 1;

    /// <summary>Brightness factor, uniform in [max(0, 1 - b), 1 + b]; 0 is off.</summary>
    public double Brightness { get; init; }

    /// <summary>Contrast factor, drawn as brightness; 0 is off.</summary>
    public double Contrast { get; init; }

    /// <summary>Saturation factor, drawn as brightness; 0 is off.</summary>
    public double Saturation { get; init; }

    /// <summary>Turn of the hue as a part of the circle, uniform in [-h, h], h at most 0.5; 0 is off.</summary>
    public double Hue { get; init; }

    /// <summary>The probability that the view turns grey.</summary>
    public double GreyProbability { get; init; }

    /// <summary>The probability that a rectangle is erased.</summary>
    public double ErasingProbability { get; init; }

    /// <summary>The erased area as a fraction of the view's, uniform.</summary>
    public Interval ErasingScale { get; init; } = new(0.02, 0.33);

    /// <summary>The erased rectangle's height by its width, log-uniform.</summary>
    public Interval ErasingRatio { get; init; } = new(0.3, 3.3);

    /// <summary>The colour of erased pixels. By default ImageNet's mean, which the usual normalisation makes zero.</summary>
    public Rgb ErasingColour { get; init; } = new(124, 116, 104);

    /// <inheritdoc/>
    public int OutputSize => Size;

    /// <inheritdoc/>
    public Rgb? Background { get; init; }

    /// <summary>Training on the very views of the evaluation: no augmentation at all.</summary>
    public static TrainTransform None(EvalTransform view)
    {
        ArgumentNullException.ThrowIfNull(view);
        return new() { Size = view.Crop, Resize = view.Resize, Filter = view.Filter, Geometry = Geometry.CentreCrop, FlipProbability = 0, Background = view.Background };
    }

    /// <summary>H W 3 -> Size Size 3, into a buffer of that many bytes.</summary>
    /// <param name="image">The decoded image; it is not changed.</param>
    /// <param name="random">The image's stream, see <see cref="SeededRandom.For"/>.</param>
    /// <param name="destination">All of it is overwritten.</param>
    public void Apply(RgbImage image, ref SeededRandom random, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (destination.Length != Size * Size * 3)
            throw new ArgumentException($"A square of {Size} pixels needs {Size * Size * 3} bytes, not {destination.Length}.", nameof(destination));
        Place(image, ref random, destination);
        Change(ref random, destination);
    }

    /// <summary>Changes the view after its geometry.</summary>
    private void Change(ref SeededRandom random, Span<byte> destination)
    {
        if (random.Bool(FlipProbability))
            ColourOps.Flip(destination, Size);
        if (random.Bool(JitterProbability))
            ColourJitter.Apply(this, ref random, destination);
        if (random.Bool(GreyProbability))
            ColourOps.Greyscale(destination);
        if (random.Bool(ErasingProbability) && RandomBox.ToErase(Size, ErasingScale, ErasingRatio, ref random) is { } hole)
            Erase(hole, destination);
    }

    /// <summary>H W 3 -> Size Size 3.</summary>
    public RgbImage Apply(RgbImage image, ref SeededRandom random)
    {
        var pixels = GC.AllocateUninitializedArray<byte>(checked(Size * Size * 3));
        Apply(image, ref random, pixels);
        return new RgbImage(Size, Size, pixels);
    }

    /// <summary>Everything that is wrong with the settings, each problem naming its property; empty if nothing is.</summary>
    public IReadOnlyList<string> Problems() => TransformProblems.Of(this);

    PixelBox IPartTransform.Part(int width, int height, SeededRandom random) => Geometry switch
    {
        Geometry.ResizedCrop => RandomBox.ToCrop(width, height, CropScale, CropRatio, ref random),
        Geometry.CentreCrop => View.Part(width, height),
        _ => PixelBox.Whole(width, height)
    };

    /// <summary>The fixed view that CentreCrop makes.</summary>
    internal EvalTransform View => new(Resize ?? Size, Size, Filter) { Background = Background };

    private void Place(RgbImage image, ref SeededRandom random, Span<byte> destination)
    {
        switch (Geometry)
        {
            case Geometry.ResizedCrop:
                var box = RandomBox.ToCrop(image.Width, image.Height, CropScale, CropRatio, ref random);
                Resampler.Resize(image, box, Size, Size, Filter, destination);
                break;
            case Geometry.ShiftScale:
                ShiftScale.Apply(this, image, ref random, destination);
                break;
            default:
                View.Apply(image, destination);
                break;
        }
    }

    private void Erase(PixelBox hole, Span<byte> pixels)
    {
        for (var y = hole.Top; y < hole.Top + hole.Height; y++)
            ErasingColour.Fill(pixels.Slice((y * Size + hole.Left) * 3, hole.Width * 3));
    }
}
