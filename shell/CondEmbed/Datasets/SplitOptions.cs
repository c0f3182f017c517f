namespace CondEmbed.Datasets;

/// <summary>Who decides which classes are held out.</summary>
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
    /// <summary>Who decides.</summary>
    public SplitRule Rule { get; init; } = SplitRule.Auto;

    /// <summary>The share of the classes that are for training (validation included), above 0 and below 1; at least two are, and two are not. Not used with roles.</summary>
    public double TrainShare { get; init; } = 0.5;

    /// <summary>
    /// The share of the training classes that are kept back for validation, from 0 (none) to below 1; at least two classes, or none
    /// when fewer than two would remain for training. Not used when the data set names validation images.
    /// </summary>
    public double ValidationShare { get; init; } = 0.1;

    /// <summary>Salt of the hash that orders the classes.</summary>
    public ulong Seed { get; init; }

    /// <summary>
    /// Whether training and test may have the same classes where the data says what is for which, as in <c>train/</c> and <c>test/</c> folders for
    /// classification. Then what is measured is new pictures of known classes, and no classes are kept back for validation.
    /// </summary>
    public bool SharedClasses { get; init; }
}
