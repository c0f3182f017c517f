namespace CondEmbed.Search;

/// <summary>The index of an application, as its configuration names it.</summary>
public sealed record IndexServiceOptions
{
    /// <summary>A file that <see cref="ImageIndex.Save"/> wrote.</summary>
    public string File { get; init; } = "";
}
