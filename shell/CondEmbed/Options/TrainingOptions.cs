using System.Collections;
using System.Globalization;
using System.Text.Json;
using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Images;
using CondEmbed.Interop;

namespace CondEmbed.Options;

/// <summary>
/// The settings of a run for C#. What is not set has the default that the encoder brings: the embedded emoji recipe for <c>small</c>,
/// photographs for the ResNets. The meaning of each stands in <see cref="RunSettings.Keys"/> under the same name in snake case.
/// </summary>
public sealed partial record TrainingOptions
{
    /// <summary>'emoji', 'emoji-scenes', 'emoji-singles', a folder of class folders, a CSV / TSV table, or the folder of a published set.</summary>
    public string? Data { get; init; }

    /// <summary>Where the run is kept; by default a folder named after the time below <c>runs</c>.</summary>
    public string? Out { get; init; }

    /// <summary>How classes are divided: auto, hash, first-half.</summary>
    public string? Split { get; init; }

    /// <summary>Share of the classes for training.</summary>
    public double? TrainShare { get; init; }

    /// <summary>Share of the training classes for validation.</summary>
    public double? ValidationShare { get; init; }

    /// <summary>Training and test may have the same classes, where the data says which pictures are for which.</summary>
    public bool? SharedClasses { get; init; }

    /// <summary>Leave out pictures that cannot be read.</summary>
    public bool? SkipBad { get; init; }

    /// <summary>What the data is: auto, folder, cub, cars, sop, in-shop, table.</summary>
    public string? Layout { get; init; }

    /// <summary>Go on with a part of a published set; results are then marked as of a subset.</summary>
    public bool? AllowSubset { get; init; }

    /// <summary>Cut pictures to the boxes of a published set.</summary>
    public bool? Boxes { get; init; }

    /// <summary>small, resnet18, resnet34, resnet50, resnet50-v1.</summary>
    public string? Encoder { get; init; }

    /// <summary>Weights of the encoder to start from: safetensors or PyTorch (.pth, .pt, .bin).</summary>
    public string? Weights { get; init; }

    /// <summary>Refuse weights that do not fit.</summary>
    public bool? StrictWeights { get; init; }

    /// <summary>Which of several networks in the file of weights: a dictionary's key, or what its tensors' names begin with.</summary>
    public string? WeightsPart { get; init; }

    /// <summary>class (the class token of a vit), mean, max, mean-max, gem, grid.</summary>
    public string? Pooling { get; init; }

    /// <summary>Features of an embedding.</summary>
    public int? Embedding { get; init; }

    /// <summary>BatchNorm between pooling and embedding.</summary>
    public bool? HeadNorm { get; init; }

    /// <summary>Keep BatchNorm's statistics.</summary>
    public bool? FreezeNorm { get; init; }

    /// <summary>Patterns of parameters that stand still, separated by commas.</summary>
    public string? Freeze { get; init; }

    /// <summary>Loss of the unconditional embeddings, by name, or a weighted sum: <c>triplet(margin=0.3) + 0.5 * proxy-anchor</c>.</summary>
    public string? Loss { get; init; }

    /// <summary>Settings of the loss by name.</summary>
    public IReadOnlyDictionary<string, double>? LossSettings { get; init; }

    /// <summary>Cross-batch memory: embeddings of earlier batches that the loss also compares with; 0 for none.</summary>
    public int? Memory { get; init; }

    /// <summary>Steps before the memory counts.</summary>
    public int? MemoryStart { get; init; }

    /// <summary>Weight of the memory's loss beside the loss of the batch.</summary>
    public double? MemoryWeight { get; init; }

    /// <summary>adamw or sgd.</summary>
    public string? Optimiser { get; init; }

    /// <summary>Base learning rate.</summary>
    public double? Lr { get; init; }

    /// <summary>Factor of the learning rate for embedding and hierarchy.</summary>
    public double? HeadLrFactor { get; init; }

    /// <summary>Factor of the learning rate for proxies.</summary>
    public double? ProxyLrFactor { get; init; }

    /// <summary>Weight decay.</summary>
    public double? WeightDecay { get; init; }

    /// <summary>Momentum of sgd.</summary>
    public double? Momentum { get; init; }

    /// <summary>cosine, step, constant.</summary>
    public string? Schedule { get; init; }

    /// <summary>Share of the steps in which the learning rate rises.</summary>
    public double? WarmUp { get; init; }

    /// <summary>Schedule step: share of the steps between decays.</summary>
    public double? DecayEvery { get; init; }

    /// <summary>Greatest length of the gradient; 0 for no bound.</summary>
    public double? Clip { get; init; }

    /// <summary>Training steps.</summary>
    public int? Steps { get; init; }

    /// <summary>Training length in epochs instead of steps.</summary>
    public double? Epochs { get; init; }

    /// <summary>Images in a batch.</summary>
    public int? Batch { get; init; }

    /// <summary>Images of each class in a batch.</summary>
    public int? PerClass { get; init; }

    /// <summary>m-per-class, hierarchical, category-balanced, plain.</summary>
    public string? Sampler { get; init; }

    /// <summary>Categories (super-classes) in a batch of the samplers hierarchical and category-balanced.</summary>
    public int? CategoriesPerBatch { get; init; }

    /// <summary>Batches of each combination of categories in an epoch of the sampler hierarchical.</summary>
    public int? BatchesPerCombination { get; init; }

    /// <summary>Side of the pictures that the network sees, in pixels.</summary>
    public int? Size { get; init; }

    /// <summary>Short side of test pictures before the centre crop, in pixels. Where <see cref="Size"/> is given and this is not, it follows.</summary>
    public int? Resize { get; init; }

    /// <summary>The colour behind transparent parts of pictures: a name such as white, #rrggbb, or none.</summary>
    public string? Background { get; init; }

    /// <summary>The largest picture that is read, in millions of pixels.</summary>
    public double? MaxMegapixels { get; init; }

    /// <summary>bilinear or bicubic.</summary>
    public string? Filter { get; init; }

    /// <summary>crop, shift or none.</summary>
    public string? Augment { get; init; }

    /// <summary>Smallest scale of the augmentation.</summary>
    public double? ScaleMin { get; init; }

    /// <summary>Greatest scale of the augmentation.</summary>
    public double? ScaleMax { get; init; }

    /// <summary>Greatest shift as a share of the side.</summary>
    public double? Shift { get; init; }

    /// <summary>Greatest turn in degrees.</summary>
    public double? Rotate { get; init; }

    /// <summary>What is around a shifted picture: edge, white, black.</summary>
    public string? Surround { get; init; }

    /// <summary>Probability of a horizontal flip.</summary>
    public double? Flip { get; init; }

    /// <summary>Brightness jitter.</summary>
    public double? Brightness { get; init; }

    /// <summary>Contrast jitter.</summary>
    public double? Contrast { get; init; }

    /// <summary>Saturation jitter.</summary>
    public double? Saturation { get; init; }

    /// <summary>Hue jitter, in turns.</summary>
    public double? Hue { get; init; }

    /// <summary>Probability of a grey picture.</summary>
    public double? Grey { get; init; }

    /// <summary>Probability of erasing a rectangle.</summary>
    public double? Erase { get; init; }

    /// <summary>Seed of parameters, batches and augmentation.</summary>
    public int? Seed { get; init; }

    /// <summary>auto, cpu, cuda, cuda:N.</summary>
    public string? Device { get; init; }

    /// <summary>Numbers that the encoder computes in while training: "float32" or "bfloat16".</summary>
    public string? Precision { get; init; }

    /// <summary>Threads that compute: torch, measuring, and reading pictures if <see cref="Workers"/> is 0; 0 for one a core.</summary>
    public int? Threads { get; init; }

    /// <summary>A folder for a file of the decoded pictures, from which later epochs and runs read; empty for none.</summary>
    public string? Cache { get; init; }

    /// <summary>The short side of the pictures in the cache, in pixels.</summary>
    public int? CacheSide { get; init; }

    /// <summary>Threads that read pictures; 0 for as many as <see cref="Threads"/>.</summary>
    public int? Workers { get; init; }

    /// <summary>Steps between evaluations on the validation classes.</summary>
    public int? EvaluateEvery { get; init; }

    /// <summary>The K of Recall@K to keep.</summary>
    public IReadOnlyList<int>? RecallAt { get; init; }

    /// <summary>Measure NMI, AMI and F1 on the test classes too.</summary>
    public bool? Clustering { get; init; }

    /// <summary>Steps between checkpoints.</summary>
    public int? SaveEvery { get; init; }

    /// <summary>Write TensorBoard's event files too, into the folder <c>tensorboard</c> of the run.</summary>
    public bool? Tensorboard { get; init; }

    /// <summary>The complete settings.</summary>
    /// <exception cref="Common.InputException">Everything that is wrong with them.</exception>
    public Config Resolve() => RunSettings.Resolve(Given());

    internal IEnumerable<Given> Given() =>
        from property in typeof(TrainingOptions).GetProperties()
        where property.Name != nameof(Out) && property.GetIndexParameters().Length == 0
        let value = property.GetValue(this)
        where value is not null
        from given in Texts(JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name), value)
        select new Given(property.Name, given.Key, given.Text);

    private static IEnumerable<(string Key, string Text)> Texts(string key, object value) => value switch
    {
        IReadOnlyDictionary<string, double> settings => settings.Select(pair => ($"{key}.{pair.Key}", Text(pair.Value))),
        IReadOnlyList<int> numbers => [(key, string.Join(',', numbers))],
        IEnumerable list and not string => throw new ArgumentException($"{key} cannot be {list.GetType().Name}", nameof(value)),
        _ => [(key, Text(value))],
    };

    private static string Text(object value) => value switch
    {
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => (string)value,
    };
}
