namespace CondEmbed.Options;

/// <summary>The settings of the conditional levels.</summary>
public sealed partial record TrainingOptions
{
    /// <summary>Levels of conditional embeddings; 0 for the baseline.</summary>
    public int? Levels { get; init; }

    /// <summary>Heads of the cross-attention.</summary>
    public int? Heads { get; init; }

    /// <summary>Each level adds to the level before it.</summary>
    public bool? Residual { get; init; }

    /// <summary>All levels share one set of attention weights.</summary>
    public bool? SharedLevels { get; init; }

    /// <summary>Weight of each level's loss.</summary>
    public double? LevelWeight { get; init; }

    /// <summary>own or head: whose projection of the tokens a level reads.</summary>
    public string? LevelValues { get; init; }

    /// <summary>previous or unconditional: what a level asks with.</summary>
    public string? LevelQuery { get; init; }

    /// <summary>nothing, norm or feed-forward: what follows the attention of a level.</summary>
    public string? LevelAfter { get; init; }

    /// <summary>none, sine or learned: code of the places of tokens.</summary>
    public string? LevelPosition { get; init; }

    /// <summary>last or stages: whether every level reads the last stage, or one each.</summary>
    public string? LevelTokens { get; init; }

    /// <summary>mutual or one-sided: similarity of a pair on a level.</summary>
    public string? LevelSimilarity { get; init; }

    /// <summary>every or last: levels that have a loss.</summary>
    public string? LevelLossOn { get; init; }

    /// <summary>all or levels: what the levels' loss trains.</summary>
    public string? LevelGradients { get; init; }

    /// <summary>Share of the steps in which the weights of the conditional terms rise.</summary>
    public double? LevelWarmUp { get; init; }

    /// <summary>Most similar others that each image is compared with on the levels; 0 for all.</summary>
    public int? LevelPairs { get; init; }

    /// <summary>Pairs on the levels computed at a time; 0 for all at once.</summary>
    public int? LevelBlock { get; init; }

    /// <summary>Weight of the loss of the unconditional embeddings.</summary>
    public double? UnconditionalWeight { get; init; }

    /// <summary>Weight of what the last level teaches the unconditional similarities.</summary>
    public double? Distillation { get; init; }

    /// <summary>Temperature of distillation.</summary>
    public double? DistillationTemperature { get; init; }

    /// <summary>Loss of the levels.</summary>
    public string? LevelLoss { get; init; }

    /// <summary>Settings of the levels' loss by name.</summary>
    public IReadOnlyDictionary<string, double>? LevelLossSettings { get; init; }

    /// <summary>Factor of the learning rate for the hierarchy, on top of the head's.</summary>
    public double? LevelLrFactor { get; init; }
}
