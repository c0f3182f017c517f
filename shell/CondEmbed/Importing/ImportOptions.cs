namespace CondEmbed.Importing;

/// <summary>A checkpoint of another program, and what it does not say of itself.</summary>
public sealed record ImportOptions
{
    /// <summary>
    /// The file with the encoder, and with the linear layer that makes the embeddings, unless <see cref="Head"/> has that: a <c>.pth</c>, <c>.pt</c>, <c>.ckpt</c>, <c>.bin</c> or <c>.safetensors</c> file.
    /// </summary>
    public required string Checkpoint { get; init; }

    /// <summary>
    /// The file with the linear layer, if it has one of its own. Null to take <c>embedder_best.pth</c> beside a checkpoint <c>trunk_best.pth</c>, as pytorch-metric-learning saves them, if it is there.
    /// </summary>
    public string? Head { get; init; }

    /// <summary>Which of several networks in the checkpoint to take: a key of its dictionary, or what its tensors' names begin with; empty for the usual one.</summary>
    public string Part { get; init; } = "";

    /// <summary>The run folder to write; by default one below <c>runs</c> named after the time.</summary>
    public string? Out { get; init; }

    /// <summary>The encoder; null to find the one that fits.</summary>
    public string? Encoder { get; init; }

    /// <summary>
    /// Features of an embedding; null for what the checkpoint has, 0 to leave its linear layer out and take the pooled features. ImageNet's classifier is left out, too, unless this is the number
    /// of its classes: 1000 makes embeddings of the scores.
    /// </summary>
    public int? Embedding { get; init; }

    /// <summary>The pooling; null for the mean, the class token of a vision transformer, or gem where the checkpoint has its power.</summary>
    public string? Pooling { get; init; }

    /// <summary>The power of the pooling gem, where the checkpoint does not have it: open-metric-learning's <c>gem_p</c>.</summary>
    public double? Power { get; init; }

    /// <summary>Tensors that are no part of the network, as patterns separated by commas: <c>fc.*,ema.*</c>. Losses and optimisers are left out in any case.</summary>
    public string LeaveOut { get; init; } = "";

    /// <summary>Data to measure the network on, as for training, which the run then has as its own; null to measure nothing.</summary>
    public string? Data { get; init; }

    /// <summary>Other settings of the run by their keys, such as <c>size</c>, <c>resize</c> and <c>filter</c>, which say how images are prepared.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>The command line to record; null for none.</summary>
    public string? Command { get; init; }
}

/// <summary>A checkpoint that is now a run.</summary>
/// <param name="Folder">Its folder.</param>
/// <param name="Encoder">The encoder that it was found to be.</param>
/// <param name="Embedding">Features of an embedding; 0 for the pooled features themselves.</param>
/// <param name="Notes">What was found and chosen, a line each.</param>
/// <param name="Metrics">What was measured on the test part of the data, as fractions; null without data.</param>
public sealed record ImportedRun(string Folder, string Encoder, int Embedding, IReadOnlyList<string> Notes, IReadOnlyDictionary<string, double>? Metrics);
