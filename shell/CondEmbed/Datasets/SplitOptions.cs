namespace CondEmbed.Datasets;

/// <summary>What decides which classes are held out.</summary>
public enum SplitRule
{
    /// <summary>The roles of the data set if it has any, else <see cref="Hash"/>.</summary>
    Auto,

    /// <summary>By class, in the order of a seeded hash of the class names, whatever the data set says.</summary>
    Hash,

    /// <summary>By class, in the ordinal order of the class names, whatever the data set says.</summary>
    FirstHalf,
}

/// <summary>How a data set is divided by class. Its seed is not the seed of a run: runs with several seeds share one split.</summary>
public sealed record SplitOptions
{
    /// <summary>What decides which classes are held out.</summary>
    public SplitRule Rule { get; init; } = SplitRule.Auto;

    /// <summary>The fraction of classes for training (validation included), greater than 0 and less than 1; at least two classes are for training and two are not. Not used with roles.</summary>
    public double TrainShare { get; init; } = 0.5;

    /// <summary>
    /// The fraction of training classes held back for validation, from 0 (none) to less than 1; at least two classes, or none
    /// if fewer than two would remain for training. Not used when the data set names validation images.
    /// </summary>
    public double ValidationShare { get; init; } = 0.1;

    /// <summary>Salt of the hash that orders the classes.</summary>
    public ulong Seed { get; init; }

    /// <summary>
    /// Whether training and test may share classes if the data assigns roles, as in <c>train/</c> and <c>test/</c> folders for
    /// classification. The test then measures new images of known classes, and no classes are held back for validation.
    /// </summary>
    public bool SharedClasses { get; init; }
}
