using CondEmbed.Evaluation;
using CondEmbed.Search;

namespace CondEmbed.Reports;

/// <summary>An encoded image that is embedded in a report unchanged, so it should be small (64 to 128 pixels a side).</summary>
/// <param name="Bytes">The encoded file.</param>
/// <param name="Mime">Its type, for example <c>image/png</c>; anything but an image type is refused when the report is written.</param>
public sealed record EncodedImage(ReadOnlyMemory<byte> Bytes, string Mime = "image/png");

/// <summary>A query image and what was found for it.</summary>
/// <param name="Image">The query image.</param>
/// <param name="Label">Its class, or null if unknown.</param>
/// <param name="Path">Its origin, as shown to people.</param>
/// <param name="Neighbours">The results, nearest first.</param>
/// <param name="Score">Quality of this query (its MAP@R, 0 to 1), or null.</param>
public sealed record RetrievalRow(
    EncodedImage Image, string? Label, string Path, IReadOnlyList<Neighbour> Neighbours, double? Score = null);

/// <summary>One image that was found for a query.</summary>
/// <param name="Image">The image.</param>
/// <param name="Label">Its class, or null if unknown.</param>
/// <param name="Path">Its origin, as shown to people.</param>
/// <param name="Cosine">Cosine similarity to the query, -1 to 1.</param>
/// <param name="IsRight">Whether it has the query's class; null if unknown.</param>
/// <param name="Conditional">The similarity by which it was re-ranked, -1 to 1; null if it was not.</param>
public sealed record Neighbour(EncodedImage Image, string? Label, string Path, double Cosine, bool? IsRight, double? Conditional = null);

/// <summary>Rows of a retrieval grid under one heading.</summary>
/// <param name="Title">For example "Worst queries".</param>
/// <param name="Note">How these queries were chosen.</param>
/// <param name="Rows">The queries.</param>
public sealed record RetrievalGroup(string Title, string Note, IReadOnlyList<RetrievalRow> Rows);
