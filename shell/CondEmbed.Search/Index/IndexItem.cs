namespace CondEmbed.Search;

/// <summary>What an index knows of a picture beside its embedding.</summary>
/// <param name="Id">Tells pictures apart: a path, an article's number. Not empty, and only once in an index.</param>
/// <param name="Label">Any text that comes back with a hit: a class, a title, a JSON document.</param>
public sealed record IndexItem(string Id, string Label = "");

/// <summary>A picture file that is to be put into an index.</summary>
/// <param name="Id">Tells pictures apart: an article's number.</param>
/// <param name="Path">The picture's file.</param>
/// <param name="Label">Any text that comes back with a hit: a class, a title, a JSON document.</param>
public sealed record IndexPicture(string Id, string Path, string Label = "");

/// <summary>A picture of an index that was found.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Label">Its text; empty where it was given none.</param>
/// <param name="Similarity">The cosine of its embedding and the query's, -1 to 1.</param>
public sealed record IndexHit(string Id, string Label, float Similarity);
