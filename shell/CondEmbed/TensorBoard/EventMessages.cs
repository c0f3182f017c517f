using Google.Protobuf;

namespace CondEmbed.TensorBoard;

/// <summary>
/// The few of TensorFlow's <c>Event</c> messages that a run needs, as bytes. Field numbers are those of event.proto, summary.proto and tensor.proto.
/// </summary>
internal static class EventMessages
{
    private const int StringType = 7;
    private const int SessionStart = 1;

    /// <summary>Which a file begins with.</summary>
    internal static byte[] Version(DateTimeOffset time) =>
        Event(time, 0, output => output.String(3, "brain.Event:2"));

    /// <summary>Tells a TensorBoard that watches the folder to forget what an earlier file said.</summary>
    internal static byte[] Start(DateTimeOffset time) =>
        Event(time, 0, output => output.Message(7, session => session.Number(1, SessionStart)));

    /// <summary>Some numbers of one step, under their tags.</summary>
    internal static byte[] Scalars(DateTimeOffset time, long step, IEnumerable<KeyValuePair<string, double>> values) =>
        Event(time, step, output => output.Message(5, summary =>
        {
            foreach (var (tag, value) in values)
            {
                summary.Message(1, item =>
                {
                    item.String(1, tag);
                    item.Single(2, (float)value);
                });
            }
        }));

    /// <summary>A text in Markdown.</summary>
    internal static byte[] Text(DateTimeOffset time, long step, string tag, string text) =>
        Event(time, step, output => output.Message(5, summary => summary.Message(1, item =>
        {
            item.String(1, tag);
            item.Message(8, tensor =>
            {
                tensor.Number(1, StringType);
                tensor.Message(2, shape => shape.Message(2, dimension => dimension.Number(1, 1)));
                tensor.String(8, text);
            });
            item.Message(9, metadata => metadata.Message(1, plugin => plugin.String(1, "text")));
        })));

    private static byte[] Event(DateTimeOffset time, long step, Action<CodedOutputStream> content) =>
        Bytes(output =>
        {
            output.WriteTag(1, WireFormat.WireType.Fixed64);
            output.WriteDouble(time.ToUnixTimeMilliseconds() / 1000.0);
            output.Number(2, step);
            content(output);
        });

    private static byte[] Bytes(Action<CodedOutputStream> content)
    {
        using var memory = new MemoryStream();

        using (var output = new CodedOutputStream(memory, leaveOpen: true))
        {
            content(output);
        }

        return memory.ToArray();
    }

    private static void Number(this CodedOutputStream output, int field, long value)
    {
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt64(value);
    }

    private static void Single(this CodedOutputStream output, int field, float value)
    {
        output.WriteTag(field, WireFormat.WireType.Fixed32);
        output.WriteFloat(value);
    }

    private static void String(this CodedOutputStream output, int field, string value)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteString(value);
    }

    private static void Message(this CodedOutputStream output, int field, Action<CodedOutputStream> content)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(Bytes(content)));
    }
}
