namespace CondEmbed.Datasets;

/// <summary>The role of an image according to the data set.</summary>
public enum Role
{
    /// <summary>The data set says nothing: a <see cref="ClassSplit"/> decides.</summary>
    Unassigned,

    /// <summary>For training.</summary>
    Train,

    /// <summary>For choosing training steps and settings; never trained on, never reported as the test.</summary>
    Validation,

    /// <summary>Searches the gallery, and is not itself found.</summary>
    Query,

    /// <summary>Is found by queries, and does not search.</summary>
    Gallery,

    /// <summary>Both query and gallery: searches among all others.</summary>
    Test,
}

/// <summary>Roles by the words for them.</summary>
internal static class Roles
{
    internal const string Words = "train, validation, test, query, gallery";

    /// <summary>The role of a word, in any case; null if it names none.</summary>
    internal static Role? Of(string word) => word.ToLowerInvariant() switch
    {
        "train" => Role.Train,
        "validation" or "val" or "valid" => Role.Validation,
        "test" => Role.Test,
        "query" => Role.Query,
        "gallery" => Role.Gallery,
        _ => null,
    };
}

/// <summary>One labelled image of a data set.</summary>
/// <param name="Path">Where it is, as shown to people.</param>
/// <param name="Label">The name of its class, kept as <see cref="ClassLabel.Normal"/> gives it; empty when it has none.</param>
/// <param name="Role">Its role according to the data set.</param>
public sealed record ImageItem(string Path, string Label, Role Role)
{
    /// <summary>The name of its class, in Unicode's normal form C; empty when it has none.</summary>
    public string Label { get; init => field = ClassLabel.Normal(value); } = ClassLabel.Normal(Label);

    /// <summary>The part of the image to use; null for the whole image.</summary>
    public PixelBox? Box { get; init; }

    /// <summary>Further labels by the name of their column, such as its colour; only those that it has.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = NoLabels;

    private static Dictionary<string, string> NoLabels { get; } = [];

    /// <summary>The category (super-class) of its class; null if the data set has none.</summary>
    public string? Category { get; init => field = value is null ? null : ClassLabel.Normal(value); }
}
