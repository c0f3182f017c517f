using CondEmbed.Datasets;
using Microsoft.FSharp.Collections;

namespace CondEmbed.Options;

/// <summary>What a training view shows of an image.</summary>
public enum Augmentation
{
    /// <summary>A random resized crop.</summary>
    Crop,

    /// <summary>A random shift, scale and rotation.</summary>
    Shift,

    /// <summary>Nothing random.</summary>
    None,
}

/// <summary>What is around an image that is shifted.</summary>
public enum SurroundFill
{
    /// <summary>Its border pixels, repeated.</summary>
    Edge,

    /// <summary>White.</summary>
    White,

    /// <summary>Black.</summary>
    Black,
}

/// <summary>The kind of number in which the frozen stages' maps are kept.</summary>
public enum TrunkNumber
{
    /// <summary>Two bytes, three digits, to 65,504.</summary>
    Float16,

    /// <summary>Two bytes, two digits, as far as float32.</summary>
    Bfloat16,

    /// <summary>Four bytes: exactly what the stages make.</summary>
    Float32,
}

/// <summary>The name of a layout of data.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class LayoutNameAttribute() : ConstraintAttribute(Constraint.NewOneOf(ListModule.OfSeq(ImageDatasets.LayoutNames)));

#pragma warning disable CS1591 // What each setting means is its attribute's second argument, as in the core's Config.

/// <summary>
/// What the program around the core reads of the settings of a run: data, weights, images, machine, measuring and keeping. Each setting is declared here alone, with
/// its value for the bundled emoji, its meaning and its range, as those of <see cref="Config"/> are there.
/// </summary>
public sealed record HostSettings
{
    [Section("Data")]
    [Setting("emoji", Needed.Always, "data: 'emoji', 'emoji-scenes' or 'emoji-singles' (these ship with the program), a folder of class folders, a CSV / TSV table, or the folder of a published set (see layout)")]
    public required string Data { get; set; }

    [Setting("auto", Needed.Always, "how classes are divided: auto (as the data says, else hash), hash (of the names), first-half (of the sorted names)")]
    public required SplitRule Split { get; set; }

    [Setting(0.5, Needed.InTraining, "share of the classes used for training, if the data does not say")]
    [Within(0.01, 0.99)]
    public required double TrainShare { get; set; }

    [Setting(0.1, Needed.InTraining, "share of the training classes held back for validation; 0 for none")]
    [Within(0.0, 0.9)]
    public required double ValidationShare { get; set; }

    [Setting(false, Needed.Always, "training and test may share classes, if the data says which images are for which; then new images of known classes are measured, and no classes are held back for validation")]
    public required bool SharedClasses { get; set; }

    [Setting("label", Needed.Always, "which images are alike, in training and in metrics: label (those of one class); any, all or jaccard of label_columns; the name of one column of labels; or none (only what pairs lists). The classes still decide the split and the batches")]
    public required string LabelMatch { get; set; }

    [Setting("", Needed.Always, "columns of labels in the table, such as colour,shape; a field may be empty. They are compared by label_match, and Recall@K and MAP@R are measured by each of them too")]
    public required string LabelColumns { get; set; }

    [Setting(0.5, Needed.Always, "label_match = jaccard: least share of the labels of two images that they have in common, to be alike. Images with none in common are unlike, and those in between are not compared")]
    [Within(0.01, 1.0)]
    public required double LabelOverlap { get; set; }

    [Setting("", Needed.Always, "what stands between several labels in one field of label_columns, such as a semicolon; empty if a field is one label. Two images then have a label in common in a column where any of theirs is the same")]
    public required string LabelSeparator { get; set; }

    [Setting(false, Needed.Always, "label_match = jaccard: alike pairs weigh as much as the share of labels that they have in common, for a loss that takes weights (contrastive, multi-similarity, nt-xent, supcon ...)")]
    public required bool LabelWeights { get; set; }

    [Setting("", Needed.Always, "a table path_a,path_b,similar of pairs of images, by their paths in the data, that are alike (1) or not (0), whatever label_match says of them; a number between -1 and 1 weighs the pair less; empty for none")]
    public required string Pairs { get; set; }

    [Setting(false, Needed.Always, "leave out images that cannot be read, instead of stopping before training")]
    public required bool SkipBad { get; set; }

    [Setting("auto", Needed.Always, "layout of the data: auto (recognised from the files), folder (of class folders), table, or the layout of a published set, such as cub (CUB-200-2011)")]
    [LayoutName]
    public required string Layout { get; set; }

    [Setting(false, Needed.Always, "go on with a published set that is incomplete; every result is then marked as being of a subset")]
    public required bool AllowSubset { get; set; }

    [Setting(false, Needed.Always, "crop images to the bounding boxes of a published set, instead of using the whole images")]
    public required bool Boxes { get; set; }

    [Section("Network")]
    [Setting("", Needed.Always, "the encoder's weights to start from: .safetensors, or PyTorch's .pth, .pt or .bin; imagenet for published ones of a ResNet-18 or, with encoder resnet50, a ResNet-50, which are fetched and trained as the encoders resnet18-cntk and resnet50-v1; the encoder resnet18-cntk starts from them unless told otherwise; empty to start from scratch")]
    public required string Weights { get; set; }

    [Setting(true, Needed.Always, "refuse weights that leave a parameter of the encoder unset or contain unknown ones; weights that hardly fit at all are always refused")]
    public required bool StrictWeights { get; set; }

    [Setting("", Needed.Always, "which network to take if the weights file has several: a key of its dictionary, such as state_dict_ema, or a prefix of its tensors' names, such as module.encoder_k; empty for the usual one")]
    public required string WeightsPart { get; set; }

    [Setting("", Needed.InTraining, "folder for a file of what the frozen first stages of the encoder make of the images, so that a step costs only what is trained; shared by all runs with the same stages, images and views; empty for none. Its numbers are rounded unless trunk_type is float32, which may change measurements in the second decimal")]
    public required string TrunkCache { get; set; }

    [Setting(4, Needed.InTraining, "trunk_cache: random views of each training image, drawn once for all seeds")]
    [Within(1.0, 1000.0)]
    public required int TrunkViews { get; set; }

    [Setting("float16", Needed.InTraining, "trunk_cache: numbers in which the maps are kept: float16, bfloat16, float32 (exactly what the stages make). The two short ones round, and measurements may differ by a few hundredths of a point from those without trunk_cache")]
    public required TrunkNumber TrunkType { get; set; }

    [Section("Images")]
    [Setting(0, Needed.Always, "short side to which test images are resized before the centre crop; 0 for size * 8 / 7 from 96 px up, otherwise size. If only size is given, this follows it: 256 / 224 of size where the default is 256")]
    [AtLeast(0)]
    public required int Resize { get; set; }

    [Setting("bilinear", Needed.Always, "resampling: bilinear or bicubic")]
    public required ResampleFilter Filter { get; set; }

    [Setting("none", Needed.Always, "colour behind transparent parts of images: a name such as white, or #rrggbb; none drops the transparency and shows the colours under it")]
    public required string Background { get; set; }

    [Setting(89.5, Needed.Always, "largest image to read, in millions of pixels; larger ones are refused")]
    [Within(0.001, 536.0)]
    public required double MaxMegapixels { get; set; }

    [Setting("shift", Needed.InTraining, "geometry of training images: crop (random resized crop), shift (random shift, scale and rotation), none")]
    public required Augmentation Augment { get; set; }

    [Setting(0.8, Needed.InTraining, "crop: smallest share of the area; shift: smallest scale")]
    [Within(0.01, 10.0)]
    public required double ScaleMin { get; set; }

    [Setting(1.2, Needed.InTraining, "crop: largest share of the area; shift: largest scale")]
    [Within(0.01, 10.0)]
    public required double ScaleMax { get; set; }

    [Setting(0.1, Needed.InTraining, "shift: largest shift, as a share of the side")]
    [Within(0.0, 1.0)]
    public required double Shift { get; set; }

    [Setting(10.0, Needed.InTraining, "shift: largest rotation, in degrees")]
    [Within(0.0, 180.0)]
    public required double Rotate { get; set; }

    [Setting("white", Needed.InTraining, "shift: what to fill in around the image: edge (repeats the border pixels), white, black")]
    public required SurroundFill Surround { get; set; }

    [Setting(0.5, Needed.InTraining, "probability of a horizontal flip")]
    [Within(0.0, 1.0)]
    public required double Flip { get; set; }

    [Setting(0.4, Needed.InTraining, "colour jitter: brightness factor within 1 - b .. 1 + b")]
    [Within(0.0, 1.0)]
    public required double Brightness { get; set; }

    [Setting(0.4, Needed.InTraining, "colour jitter: contrast factor within 1 - c .. 1 + c")]
    [Within(0.0, 1.0)]
    public required double Contrast { get; set; }

    [Setting(0.6, Needed.InTraining, "colour jitter: saturation factor within 1 - s .. 1 + s")]
    [Within(0.0, 1.0)]
    public required double Saturation { get; set; }

    [Setting(0.1, Needed.InTraining, "colour jitter: hue shift within -h .. h turns, at most 0.5")]
    [Within(0.0, 0.5)]
    public required double Hue { get; set; }

    [Setting(0.2, Needed.InTraining, "probability of a grey image")]
    [Within(0.0, 1.0)]
    public required double Grey { get; set; }

    [Setting(0.0, Needed.InTraining, "probability of erasing a random rectangle")]
    [Within(0.0, 1.0)]
    public required double Erase { get; set; }

    [Setting("", Needed.InTraining, "folder for a file of decoded images, which later epochs and runs read instead of decoding; its images are shrunk to cache_side, and only training uses it, never a measurement; empty for none")]
    public required string Cache { get; set; }

    [Setting(256, Needed.InTraining, "short side of the images in the cache, in pixels; smaller ones stay as they are")]
    [AtLeast(16)]
    public required int CacheSide { get; set; }

    [Section("Machine and seed")]
    [Setting("auto", Needed.Always, "device: auto, cpu, cuda, cuda:N")]
    public required string Device { get; set; }

    [Setting(0, Needed.Always, "threads for computing: torch, measuring, and reading images if workers is 0; 0 for one per core")]
    [AtLeast(0)]
    public required int Threads { get; set; }

    [Setting(0, Needed.Always, "threads for reading and augmenting images; 0 for as many as threads")]
    [AtLeast(0)]
    public required int Workers { get; set; }

    [Section("Measuring and keeping")]
    [Setting(250, Needed.InTraining, "steps between evaluations on the validation classes; 0 for only the last")]
    [AtLeast(0)]
    public required int EvaluateEvery { get; set; }

    [Setting("", Needed.Always, "the K of Recall@K to record, such as 1,10,100; empty for those usual for the data, otherwise 1,2,4,8")]
    [WholeNumbers]
    public required string RecallAt { get; set; }

    [Setting(false, Needed.Always, "measure NMI, AMI and F1 on the test classes too")]
    public required bool Clustering { get; set; }

    [Setting(250, Needed.InTraining, "steps between checkpoints; 0 for only the last")]
    [AtLeast(0)]
    public required int SaveEvery { get; set; }

    [Setting(true, Needed.InTraining, "measure the test classes before training too; without it a short run costs less")]
    public required bool InitialEvaluation { get; set; }

    [Setting(true, Needed.InTraining, "write report.html and the table of classes at the end; without them a short run costs less")]
    public required bool Report { get; set; }

    [Setting("", Needed.InTraining, "folder in which runs that begin with the same network, data, views and seed share what the first of them measures before training; a study gives its runs one; empty for none")]
    public required string InitialMetrics { get; set; }

    [Setting("", Needed.InTraining, "folder in which runs keep the parameters of the encoder's frozen first stages, once for all, and not in each checkpoint and file of weights, which then need it; a study gives its runs one; empty for none")]
    public required string FrozenWeights { get; set; }

    [Setting(false, Needed.InTraining, "also write TensorBoard event files, into the folder 'tensorboard' of the run; training itself does not change")]
    public required bool Tensorboard { get; set; }

    /// <summary>The defaults of a run with an encoder, before its own settings.</summary>
    public static HostSettings StartFor(string encoder) => ConfigModule.familyOf(encoder) switch
    {
        { IsSmall: true } => Standard,
        { IsResidual: true } when encoder == ImageNet.Usual => Photographs with { Weights = ImageNet.Weights },
        { IsResidual: true } => Photographs,
        { IsTransformer: true } => Photographs with { Filter = ResampleFilter.Bicubic },
        var other => throw new System.Diagnostics.UnreachableException($"there are no settings for {other}"),
    };

    /// <summary>The settings for the bundled emoji: the defaults declared above.</summary>
    private static HostSettings Standard => CoreSettings.Standard<HostSettings>();

    /// <summary>What photographs need instead.</summary>
    private static HostSettings Photographs => Standard with
    {
        Resize = 256,
        Augment = Augmentation.Crop,
        ScaleMin = 0.2,
        ScaleMax = 1,
        Rotate = 0,
        Surround = SurroundFill.Edge,
        Brightness = 0,
        Contrast = 0,
        Saturation = 0,
        Hue = 0,
        Grey = 0,
    };

    /// <summary>The largest number of pixels in an image that is read.</summary>
    public long MaxPixels => (long)Math.Round(MaxMegapixels * 1e6);

    /// <summary>The names in <see cref="LabelColumns"/>.</summary>
    public IReadOnlyList<string> LabelColumnNames => Names(LabelColumns);

    /// <summary>The names in a list with commas, each once.</summary>
    internal static IReadOnlyList<string> Names(string list) => [.. list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Distinct(StringComparer.Ordinal)];

    /// <summary>The K of <see cref="RecallAt"/>; none if they are left to the data.</summary>
    public IReadOnlyList<int> RecallDepths =>
    [
        .. RecallAt.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Select(word => int.TryParse(word, CultureInfo.InvariantCulture, out var k) ? k : 0)
            .Where(k => k > 0),
    ];
}
