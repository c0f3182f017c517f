using CondEmbed.Evaluation;
using CondEmbed.Search;

namespace CondEmbed.Export;

/// <summary>How far the embeddings of an exported network are from those of the network itself, on the same images.</summary>
/// <param name="Images">N.</param>
/// <param name="Source">Whose images these are.</param>
/// <param name="Greatest">The greatest difference of a number.</param>
/// <param name="GreatestOfCosines">The greatest difference of a cosine of two images.</param>
/// <param name="LeastCosine">The least cosine of an image's two embeddings.</param>
/// <param name="Neighbours">How many nearest were compared: 10, or all there are.</param>
/// <param name="SameNeighbours">Of how many images the nearest are the same, in the same order.</param>
/// <param name="SharedNeighbours">What share of the nearest is among the nearest of both, 0 to 1.</param>
/// <param name="WidestSwap">The greatest gap between the cosines of two neighbours that stand in each other's place; 0 if there are none.</param>
public sealed record ExportCheck(
    int Images,
    string Source,
    double Greatest,
    double GreatestOfCosines,
    double LeastCosine,
    int Neighbours,
    int SameNeighbours,
    double SharedNeighbours,
    double WidestSwap)
{
    /// <summary>What the numbers of a float32 export may differ by, and the gap within which neighbours may swap.</summary>
    public const double Tolerance = 1e-5;

    /// <summary>The least cosine of an int8 export's embedding with the network's own.</summary>
    public const double LeastCosineOfInt8 = 0.98;

    private const int Nearest = 10;

    /// <summary>N D of the network, N D of the exported one; cosines are computed in float64.</summary>
    internal static ExportCheck Between(string source, Embeddings<float> network, Embeddings<float> exported)
    {
        var (expected, found) = (Widened(network), Widened(exported));
        var nearest = NeighbourSearch.TopK(expected, expected, Nearest, excludeSelf: true);
        var others = NeighbourSearch.TopK(found, found, Nearest, excludeSelf: true);
        var rows = Enumerable.Range(0, expected.Count).ToList();
        double Gap(int row, int place) => Math.Abs(Cosine(expected, row, nearest.Of(row)[place]) - Cosine(expected, row, others.Of(row)[place]));

        return new ExportCheck(
            expected.Count,
            source,
            expected.Values.Zip(found.Values, (x, y) => Math.Abs(x - y)).Max(),
            rows.Max(i => rows.Max(j => Math.Abs(Cosine(expected, i, j) - Cosine(found, i, j)))),
            rows.Min(row => DotProduct.Of(expected.Row(row), found.Row(row))),
            nearest.K,
            rows.Count(row => nearest.Of(row).SequenceEqual(others.Of(row))),
            nearest.K == 0 ? 1 : rows.Average(row => (double)nearest.Of(row).ToArray().Intersect(others.Of(row).ToArray()).Count() / nearest.K),
            rows.Max(row => Enumerable.Range(0, nearest.K).Select(place => Gap(row, place)).DefaultIfEmpty().Max()));
    }

    /// <summary>What is wrong with an export; null where nothing is. Numbers that are not finite are.</summary>
    internal string? Problem(bool int8) =>
        int8 && !(LeastCosine >= LeastCosineOfInt8)
            ? FormattableString.Invariant($"with int8 weights the embedding of an image has a cosine of {LeastCosine:0.0000} with the network's own; at least {LeastCosineOfInt8} is required. Export without {Wording.Of("Int8", "--int8")}.")
            : !int8 && !(Greatest <= Tolerance)
            ? FormattableString.Invariant($"ONNX Runtime's embeddings differ from the network's by up to {Greatest:0.0e-0}; at most {Tolerance:0e-0} is allowed.")
            : !int8 && !(WidestSwap <= Tolerance)
            ? FormattableString.Invariant($"ONNX Runtime finds other neighbours: two whose cosines differ by {WidestSwap:0.0e-0} have swapped; only those within {Tolerance:0e-0} may.")
            : null;

    private static double Cosine(Embeddings<double> of, int i, int j) => DotProduct.Of(of.Row(i), of.Row(j));

    private static Embeddings<double> Widened(Embeddings<float> embeddings) =>
        new([.. embeddings.Values.Select(value => (double)value)], embeddings.Count, embeddings.Dimension);
}
