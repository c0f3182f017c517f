using Google.Protobuf;

namespace CondEmbed.Export;

/// <summary>
/// A protobuf message, put together field by field. A message is complete when it is added to another. Long bytes are written from where they lie.
/// </summary>
internal sealed class ProtoMessage
{
    private readonly List<Action<CodedOutputStream>> fields = [];

    /// <summary>How many bytes it takes.</summary>
    /// <exception cref="OverflowException">More than a protobuf message can have, 2 GB: thrown by the addition that leads there.</exception>
    internal int Size { get; private set; }

    internal ProtoMessage Add(int field, long value) =>
        Add(field, WireFormat.WireType.Varint, CodedOutputStream.ComputeInt64Size(value), output => output.WriteInt64(value));

    internal ProtoMessage Add(int field, float value) =>
        Add(field, WireFormat.WireType.Fixed32, sizeof(float), output => output.WriteFloat(value));

    internal ProtoMessage Add(int field, string value) =>
        Add(field, WireFormat.WireType.LengthDelimited, CodedOutputStream.ComputeStringSize(value), output => output.WriteString(value));

    internal ProtoMessage Add(int field, ReadOnlyMemory<byte> value)
    {
        var bytes = UnsafeByteOperations.UnsafeWrap(value);
        return Add(field, WireFormat.WireType.LengthDelimited, CodedOutputStream.ComputeBytesSize(bytes), output => output.WriteBytes(bytes));
    }

    internal ProtoMessage Add(int field, ProtoMessage value) =>
        Add(field, WireFormat.WireType.LengthDelimited, CodedOutputStream.ComputeLengthSize(value.Size) + value.Size, output =>
        {
            output.WriteLength(value.Size);
            value.WriteTo(output);
        });

    internal ProtoMessage AddAll(int field, IEnumerable<long> values) => values.Aggregate(this, (message, value) => message.Add(field, value));

    internal ProtoMessage AddAll(int field, IEnumerable<string> values) => values.Aggregate(this, (message, value) => message.Add(field, value));

    internal void WriteTo(Stream stream)
    {
        using var output = new CodedOutputStream(stream, leaveOpen: true);
        WriteTo(output);
    }

    private ProtoMessage Add(int field, WireFormat.WireType type, int size, Action<CodedOutputStream> write)
    {
        Size = checked(Size + CodedOutputStream.ComputeTagSize(field) + size);
        fields.Add(output =>
        {
            output.WriteTag(field, type);
            write(output);
        });
        return this;
    }

    private void WriteTo(CodedOutputStream output)
    {
        foreach (var write in fields)
        {
            write(output);
        }
    }
}
