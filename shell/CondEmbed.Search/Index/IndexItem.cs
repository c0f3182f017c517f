namespace CondEmbed.Search;

/// <summary>What an index stores about an image besides its embedding.</summary>
/// <param name="Id">Identifies the image: a path, an article number. Not empty, and unique in an index.</param>
/// <param name="Label">Any text that comes back with a hit: a class, a title, a JSON document.</param>
public sealed record IndexItem(string Id, string Label = "");

/// <summary>An image file to add to an index.</summary>
/// <param name="Id">Identifies the image: an article number.</param>
/// <param name="Path">The image's file.</param>
/// <param name="Label">Any text that comes back with a hit: a class, a title, a JSON document.</param>
public sealed record IndexImage(string Id, string Path, string Label = "");

/// <summary>An image found in an index.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Label">Its text; empty where it was given none.</param>
/// <param name="Similarity">The cosine of its embedding and the query's, -1 to 1.</param>
public sealed record IndexHit(string Id, string Label, float Similarity);
