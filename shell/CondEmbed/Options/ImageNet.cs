namespace CondEmbed.Options;

/// <summary>Weights trained on ImageNet that are no file of the user's, but published, and fetched once.</summary>
internal static class ImageNet
{
    /// <summary>The value of <see cref="HostSettings.Weights"/> that asks for them.</summary>
    internal const string Weights = "imagenet";

    /// <summary>The encoder that photographs start with where nothing else is said; it starts from them unless told otherwise.</summary>
    internal const string Usual = "resnet18-cntk";

    /// <summary>The encoders that they are for, by the name of the network.</summary>
    internal static IReadOnlyDictionary<string, string> EncoderOf { get; } = new Dictionary<string, string> { ["resnet18"] = Usual, ["resnet50"] = "resnet50-v1" };
}
