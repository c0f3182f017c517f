using Google.Protobuf;
using Onnx;

namespace CondEmbed.Export;

/// <summary>The element types that are used here.</summary>
internal enum OnnxType
{
    Float = TensorProto.Types.DataType.Float,
    UInt8 = TensorProto.Types.DataType.Uint8,
    Int8 = TensorProto.Types.DataType.Int8,
    Int64 = TensorProto.Types.DataType.Int64,
}

/// <summary>An ONNX graph, put together node by node in the order of computation: a node takes names of values and gives the name of its own.</summary>
internal sealed class OnnxGraph
{
    /// <summary>Operators as of ONNX 1.12 (2022): the oldest set that has LayerNormalization, so that most runtimes read the file.</summary>
    private const int OperatorSet = 17;
    private const int IrVersion = 8;

    // What is not weights takes less than this.
    private const int Rest = 16 << 20;

    private readonly GraphProto graph = new() { Name = "condembed" };
    private int nodes;
    private int size = Rest;

    /// <summary>Declares an input; a dimension is a number, or a name where it is free.</summary>
    internal string Input(string name, OnnxType type, params object[] shape)
    {
        graph.Input.Add(Declared(name, type, shape));
        return name;
    }

    /// <summary>Makes a value an output, under its name.</summary>
    internal void Output(string value, string name, OnnxType type, params object[] shape)
    {
        Append("Identity", [value], name, []);
        graph.Output.Add(Declared(name, type, shape));
    }

    /// <summary>A node with one output, whose name is given back.</summary>
    internal string Node(string op, string[] inputs, params AttributeProto[] attributes)
    {
        var output = FormattableString.Invariant($"{op}_{++nodes}");
        Append(op, inputs, output, attributes);
        return output;
    }

    /// <summary>A constant under a name of its own.</summary>
    /// <exception cref="OverflowException">With it the graph has more than 2 GB, which no protobuf message can have.</exception>
    internal string Constant<T>(string name, long[] shape, T[] values)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
        size = checked(size + bytes.Length);
        var type = typeof(T) == typeof(float) ? OnnxType.Float : typeof(T) == typeof(sbyte) ? OnnxType.Int8 : OnnxType.Int64;
        graph.Initializer.Add(new TensorProto { Dims = { shape }, DataType = (int)type, Name = name, RawData = UnsafeByteOperations.UnsafeWrap(bytes) });
        return name;
    }

    /// <summary>A constant that has no name.</summary>
    internal string Constant(params long[] values) => Constant(Unnamed(), [values.Length], values);

    /// <summary>A constant number, without dimensions.</summary>
    internal string Scalar<T>(T value)
        where T : unmanaged => Constant(Unnamed(), [], (T[])[value]);

    internal static AttributeProto Attribute(string name, long value) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = value };

    internal static AttributeProto Attribute(string name, float value) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Float, F = value };

    internal static AttributeProto Attribute(string name, long[] values) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Ints, Ints = { values } };

    /// <summary>The whole model of the graph.</summary>
    internal ModelProto Model(IEnumerable<KeyValuePair<string, string>> metadata) =>
        new()
        {
            IrVersion = IrVersion,
            ProducerName = "condembed",
            ProducerVersion = About.Version,
            OpsetImport = { new OperatorSetIdProto { Domain = "", Version = OperatorSet } },
            Graph = graph,
            MetadataProps = { metadata.Select(pair => new StringStringEntryProto { Key = pair.Key, Value = pair.Value }) },
        };

    private void Append(string op, string[] inputs, string output, AttributeProto[] attributes) =>
        graph.Node.Add(new NodeProto { Input = { inputs }, Output = { output }, Name = output, OpType = op, Attribute = { attributes } });

    private string Unnamed() => FormattableString.Invariant($"Constant_{++nodes}");

    private static ValueInfoProto Declared(string name, OnnxType type, object[] shape)
    {
        var dimensions = shape.Select(size =>
            size is string free ? new TensorShapeProto.Types.Dimension { DimParam = free } : new() { DimValue = Convert.ToInt64(size) });
        var tensor = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = new TensorShapeProto { Dim = { dimensions } } };
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = tensor } };
    }
}
