using CondEmbed.Training;

namespace CondEmbed.Tests.CSharp;

/// <summary>Settings as C# writes them.</summary>
public static class Options
{
    /// <summary>Every setting, each unlike its default and sound also when it is given alone.</summary>
    public static TrainingOptions Everything { get; } = new()
    {
        Data = "photos",
        Out = "runs/mine",
        Split = "first-half",
        TrainShare = 0.6,
        ValidationShare = 0.2,
        SkipBad = true,
        Encoder = "resnet18",
        Weights = "start.safetensors",
        StrictWeights = false,
        Pooling = "gem",
        Embedding = 64,
        HeadNorm = false,
        FreezeNorm = true,
        Freeze = "conv1*,bn1*",
        Levels = 2,
        Heads = 8,
        Residual = false,
        SharedLevels = true,
        LevelWeight = 0.5,
        Loss = "triplet",
        LossSettings = new Dictionary<string, double> { ["margin"] = 0.25 },
        LevelLoss = "triplet",
        LevelLossSettings = new Dictionary<string, double> { ["margin"] = 0.25 },
        Optimiser = "sgd",
        Lr = 0.125,
        HeadLrFactor = 2,
        ProxyLrFactor = 10,
        WeightDecay = 1e-5,
        Momentum = 0.8,
        Schedule = "step",
        WarmUp = 0.1,
        DecayEvery = 0.5,
        Clip = 1,
        Steps = 77,
        Epochs = 1.5,
        Batch = 36,
        PerClass = 2,
        Size = 80,
        Resize = 96,
        Filter = "bicubic",
        Augment = "none",
        ScaleMin = 0.5,
        ScaleMax = 0.9,
        Shift = 0.25,
        Rotate = 25,
        Surround = "black",
        Flip = 0.25,
        Brightness = 0.1,
        Contrast = 0.15,
        Saturation = 0.3,
        Hue = 0.05,
        Grey = 0.1,
        Erase = 0.35,
        Seed = 42,
        Device = "cpu",
        Threads = 1,
        Workers = 3,
        EvaluateEvery = 11,
        SaveEvery = 13,
    };

    /// <summary>A run that ends at once, on some data, in a folder.</summary>
    public static TrainingOptions Tiny(string data, string folder) => new()
    {
        Data = data,
        Out = folder,
        Size = 32,
        Batch = 8,
        PerClass = 2,
        Steps = 6,
        Embedding = 16,
        Heads = 2,
        EvaluateEvery = 3,
        SaveEvery = 2,
        Device = "cpu",
        Threads = 1,
        Workers = 2,
    };
}
