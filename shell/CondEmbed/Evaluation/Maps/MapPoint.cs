namespace CondEmbed.Evaluation;

/// <summary>A point on a map of embeddings.</summary>
/// <param name="X">To the right.</param>
/// <param name="Y">Upwards.</param>
public readonly record struct MapPoint(double X, double Y);
