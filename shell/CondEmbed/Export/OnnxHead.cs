using static CondEmbed.Export.OnnxGraph;

namespace CondEmbed.Export;

/// <summary>From features to embeddings of length 1, as a graph.</summary>
internal static class OnnxHead
{
    /// <summary>Places along each side of the grid of the pooling 'grid'.</summary>
    private const int GridSide = 6;

    private const string Norm = "embedding.norm";

    /// <summary>The smallest length that a vector is divided by, as torch's.</summary>
    private const float SmallestLength = 1e-12f;

    /// <summary>B D, of length 1.</summary>
    /// <exception cref="InputException">This pooling cannot be exported.</exception>
    internal static string Build(string pooling, OnnxLayers layers, OnnxFeatures features)
    {
        var x = Pooled(pooling, layers, features);

        if (layers.Has($"{Norm}.weight"))
        {
            x = layers.Norm(x, Norm);
        }

        if (layers.Has("embedding.weight"))
        {
            x = layers.Linear(x, "embedding");
        }

        var graph = layers.Graph;
        var length = graph.Node("ReduceL2", [x], Attribute("axes", [-1]), Attribute("keepdims", 1));
        return graph.Node("Div", [x, graph.Node("Max", [length, graph.Scalar(SmallestLength)])]);
    }

    private static string Pooled(string pooling, OnnxLayers layers, OnnxFeatures features)
    {
        var graph = layers.Graph;

        return pooling switch
        {
            "class" when features.Token is { } token => token(),
            "mean" => Mean(graph, features.Map()),
            "max" => OverPlaces(graph, "ReduceMax", features.Map()),
            "mean-max" => MeanMax(graph, features.Map()),
            "gem" => Gem(layers, features.Map()),
            "grid" => Grid(graph, features.Map()),
            _ => throw new InputException($"The pooling '{pooling}' cannot be exported to ONNX; these can: class (of a vit), mean, max, mean-max, gem, grid."),
        };
    }

    private static string OverPlaces(OnnxGraph graph, string op, OnnxMap map) =>
        graph.Node(op, [map.Name], Attribute("axes", [2, 3]), Attribute("keepdims", 0));

    private static string Mean(OnnxGraph graph, OnnxMap map) => OverPlaces(graph, "ReduceMean", map);

    private static string MeanMax(OnnxGraph graph, OnnxMap map) => graph.Node("Add", [Mean(graph, map), OverPlaces(graph, "ReduceMax", map)]);

    private static string Gem(OnnxLayers layers, OnnxMap map)
    {
        const string Power = "embedding.pool.p";
        var graph = layers.Graph;
        var raised = graph.Node("Pow", [graph.Node("Max", [map.Name, graph.Scalar(1e-6f)]), layers.Constant(Power)]);
        return graph.Node("Pow", [Mean(graph, map with { Name = raised }), graph.Scalar(1 / layers.ValuesOf(Power)[0])]);
    }

    /// <summary>Means of 6 x 6 fields, which may overlap: a matrix from either side.</summary>
    private static string Grid(OnnxGraph graph, OnnxMap map)
    {
        var shares = FieldShares(map.Side);
        var rows = graph.Constant("embedding.pool.rows", [GridSide, map.Side], shares);
        var columns = graph.Node("Transpose", [rows], Attribute("perm", [1, 0]));
        var fields = graph.Node("MatMul", [rows, graph.Node("MatMul", [map.Name, columns])]);
        var flat = graph.Node("Flatten", [fields], Attribute("axis", 1));
        return graph.Node("Concat", [flat, MeanMax(graph, map)], Attribute("axis", 1));
    }

    /// <summary>GridSide x side: what each place gives to each field, as torch's adaptive pooling divides a side.</summary>
    private static float[] FieldShares(int side)
    {
        var shares = new float[GridSide * side];

        for (var field = 0; field < GridSide; field++)
        {
            var (begin, end) = (field * side / GridSide, ((field + 1) * side + GridSide - 1) / GridSide);
            shares.AsSpan(field * side + begin, end - begin).Fill(1f / (end - begin));
        }

        return shares;
    }
}
