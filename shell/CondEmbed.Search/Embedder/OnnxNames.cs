namespace CondEmbed.Search;

/// <summary>What the parts of an exported ONNX model are called: its input and output, and the keys of its metadata.</summary>
internal static class OnnxNames
{
    /// <summary>batch Size Size 3 bytes, red, green, blue.</summary>
    internal const string Input = "pixels";

    /// <summary>batch D numbers, each row of length 1.</summary>
    internal const string Output = "embedding";

    /// <summary>The free dimension.</summary>
    internal const string Batch = "batch";

    /// <summary>The settings of the training, as TOML.</summary>
    internal const string Config = "condembed.config";

    /// <summary>See <see cref="IEmbeddingNetwork.Fingerprint"/>.</summary>
    internal const string Fingerprint = "condembed.fingerprint";

    /// <summary>How an image becomes the input, as JSON: see <see cref="Preprocessing"/>.</summary>
    internal const string Preprocessing = "condembed.preprocessing";

    /// <summary>How an image becomes the input, in words.</summary>
    internal const string Usage = "condembed.usage";

    /// <summary>How matrices and convolutions are stored: float32 or int8.</summary>
    internal const string Weights = "condembed.weights";

    /// <summary>The program's version.</summary>
    internal const string Version = "condembed.version";
}
