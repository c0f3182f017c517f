using CondEmbed.Evaluation;
using CondEmbed.Options;

namespace CondEmbed.Reports;

/// <summary>Embeddings as places in the plane, in one or more ways, each with its picture.</summary>
/// <param name="Views">The ways; the first is shown at first.</param>
/// <param name="Items">What lies at the places, classes together.</param>
/// <param name="Sheet">One picture with all thumbnails, row after row in the order of the items.</param>
/// <param name="Columns">Thumbnails in a row.</param>
/// <param name="Rows">Rows of thumbnails.</param>
/// <param name="Note">Which embeddings these are.</param>
public sealed record EmbeddingMap(IReadOnlyList<MapView> Views, IReadOnlyList<MapItem> Items, Picture Sheet, int Columns, int Rows, string Note);

/// <summary>One way to lay embeddings out.</summary>
/// <param name="Name">For example "t-SNE".</param>
/// <param name="Note">How to read it.</param>
/// <param name="Places">A place for each item.</param>
public sealed record MapView(string Name, string Note, IReadOnlyList<MapPoint> Places);

/// <summary>What lies at a place.</summary>
/// <param name="Label">Its class.</param>
/// <param name="Path">Where it comes from, as people know it.</param>
public sealed record MapItem(string Label, string Path);
