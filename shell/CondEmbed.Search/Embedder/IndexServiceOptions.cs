namespace CondEmbed.Search;

/// <summary>The index of an application, as its configuration names it.</summary>
public sealed record IndexServiceOptions
{
    /// <summary>A file that <see cref="ImageIndex.Save"/> wrote; a relative path begins in the host's content root.</summary>
    public string File { get; init; } = "";
}
