using System.Runtime.InteropServices;

namespace CondEmbed.Export;

/// <summary>The element types of onnx.proto that are used here, by their numbers there.</summary>
internal enum OnnxType
{
    Float = 1,
    UInt8 = 2,
    Int8 = 3,
    Int64 = 7,
}

/// <summary>
/// An ONNX graph, put together node by node in the order of computation: a node takes names of values and gives the name of its own. Field numbers are those
/// of onnx.proto.
/// </summary>
internal sealed class OnnxGraph
{
    /// <summary>Operators as of ONNX 1.12 (2022): the oldest set that has LayerNormalization, so that most runtimes read the file.</summary>
    private const int OperatorSet = 17;
    private const int IrVersion = 8;

    private readonly ProtoMessage graph = new ProtoMessage().Add(2, "condembed");
    private int nodes;

    /// <summary>Declares an input; a dimension is a number, or a name where it is free.</summary>
    internal string Input(string name, OnnxType type, params object[] shape)
    {
        graph.Add(11, Declared(name, type, shape));
        return name;
    }

    /// <summary>Makes a value an output, under its name.</summary>
    internal void Output(string value, string name, OnnxType type, params object[] shape)
    {
        Append("Identity", [value], name, []);
        graph.Add(12, Declared(name, type, shape));
    }

    /// <summary>A node with one output, whose name is given back.</summary>
    internal string Node(string op, string[] inputs, params ProtoMessage[] attributes)
    {
        var output = FormattableString.Invariant($"{op}_{++nodes}");
        Append(op, inputs, output, attributes);
        return output;
    }

    /// <summary>A constant under a name of its own.</summary>
    internal string Constant(string name, long[] shape, float[] values) => Constant(name, OnnxType.Float, shape, AsBytes(values));

    internal string Constant(string name, long[] shape, sbyte[] values) => Constant(name, OnnxType.Int8, shape, AsBytes(values));

    /// <summary>A constant that has no name.</summary>
    internal string Constant(params long[] values) => Constant(Unnamed(), OnnxType.Int64, [values.Length], AsBytes(values));

    /// <summary>A constant number, without dimensions.</summary>
    internal string Scalar(float value) => Constant(Unnamed(), OnnxType.Float, [], AsBytes([value]));

    /// <summary>A constant whole number, without dimensions.</summary>
    internal string Scalar(long value) => Constant(Unnamed(), OnnxType.Int64, [], AsBytes([value]));

    internal static ProtoMessage Attribute(string name, long value) => new ProtoMessage().Add(1, name).Add(20, 2).Add(3, value);

    internal static ProtoMessage Attribute(string name, float value) => new ProtoMessage().Add(1, name).Add(20, 1).Add(2, value);

    internal static ProtoMessage Attribute(string name, long[] values) => new ProtoMessage().Add(1, name).Add(20, 7).AddAll(8, values);

    /// <summary>The whole model of the graph.</summary>
    internal ProtoMessage Model(IEnumerable<KeyValuePair<string, string>> metadata)
    {
        var model = new ProtoMessage()
            .Add(1, IrVersion)
            .Add(2, "condembed")
            .Add(3, About.Version)
            .Add(8, new ProtoMessage().Add(1, "").Add(2, OperatorSet))
            .Add(7, graph);

        return metadata.Aggregate(model, (all, pair) => all.Add(14, new ProtoMessage().Add(1, pair.Key).Add(2, pair.Value)));
    }

    private void Append(string op, string[] inputs, string output, ProtoMessage[] attributes)
    {
        var node = new ProtoMessage().AddAll(1, inputs).Add(2, output).Add(3, output).Add(4, op);
        graph.Add(1, attributes.Aggregate(node, (all, attribute) => all.Add(5, attribute)));
    }

    private string Constant(string name, OnnxType type, long[] shape, byte[] values)
    {
        graph.Add(5, new ProtoMessage().AddAll(1, shape).Add(2, (long)type).Add(8, name).Add(9, (ReadOnlyMemory<byte>)values));
        return name;
    }

    private string Unnamed() => FormattableString.Invariant($"Constant_{++nodes}");

    private static ProtoMessage Declared(string name, OnnxType type, object[] shape)
    {
        static ProtoMessage Dimension(object size) =>
            size is string free ? new ProtoMessage().Add(2, free) : new ProtoMessage().Add(1, Convert.ToInt64(size));

        var dimensions = shape.Aggregate(new ProtoMessage(), (all, size) => all.Add(1, Dimension(size)));
        return new ProtoMessage().Add(1, name).Add(2, new ProtoMessage().Add(1, new ProtoMessage().Add(1, (long)type).Add(2, dimensions)));
    }

    private static byte[] AsBytes<T>(ReadOnlySpan<T> values)
        where T : unmanaged => MemoryMarshal.AsBytes(values).ToArray();

    private static byte[] AsBytes<T>(T[] values)
        where T : unmanaged => AsBytes((ReadOnlySpan<T>)values);
}
