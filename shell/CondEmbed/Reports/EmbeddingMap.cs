using CondEmbed.Evaluation;
using CondEmbed.Options;

namespace CondEmbed.Reports;

/// <summary>Embeddings as points in the plane, in one or more layouts, each with its image.</summary>
/// <param name="Views">The layouts; the first one is shown initially.</param>
/// <param name="Items">The items at the points, grouped by class.</param>
/// <param name="Sheet">One image with all thumbnails, row after row in the order of the items.</param>
/// <param name="Columns">Thumbnails in a row.</param>
/// <param name="Rows">Rows of thumbnails.</param>
/// <param name="Note">Which embeddings these are.</param>
public sealed record EmbeddingMap(IReadOnlyList<MapView> Views, IReadOnlyList<MapItem> Items, EncodedImage Sheet, int Columns, int Rows, string Note);

/// <summary>One layout of the embeddings.</summary>
/// <param name="Name">For example "t-SNE".</param>
/// <param name="Note">How to read it.</param>
/// <param name="Places">A point for each item.</param>
public sealed record MapView(string Name, string Note, IReadOnlyList<MapPoint> Places);

/// <summary>The item at a point.</summary>
/// <param name="Label">Its class.</param>
/// <param name="Path">Its origin, as shown to people.</param>
public sealed record MapItem(string Label, string Path);
