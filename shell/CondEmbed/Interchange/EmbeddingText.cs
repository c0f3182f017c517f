using System.Text.Encodings.Web;

namespace CondEmbed.Interchange;

/// <summary>Embeddings as text. Numbers are written in the shortest form that reads back as the same float.</summary>
internal static class EmbeddingText
{
    internal static void WriteCsv(Stream stream, EmbeddingTable table) => Write(stream, table, table.Dimension);

    /// <summary>Paths and labels alone.</summary>
    internal static void WriteLabels(Stream stream, EmbeddingTable table) => Write(stream, table, 0);

    /// <summary>Whether a file begins as <see cref="WriteLabels"/> writes them.</summary>
    internal static bool IsLabels(string path) => File.ReadLines(path).FirstOrDefault() is "path,label" or "path" or "label";

    internal static void WriteJsonLines(Stream stream, EmbeddingTable table)
    {
        using var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        var known = Known(table);
        for (var row = 0; row < table.Count; row++)
        {
            writer.WriteStartObject();
            foreach (var (name, texts) in known)
            {
                writer.WriteString(name, texts[row]);
            }

            writer.WriteStartArray("embedding");
            foreach (var value in table.Embeddings.Row(row))
            {
                writer.WriteNumberValue(value);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
            writer.Flush();
            writer.Reset();
            stream.WriteByte((byte)'\n');
        }
    }

    private static void Write(Stream stream, EmbeddingTable table, int numbers)
    {
        using var writer = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), 1 << 16, leaveOpen: true) { NewLine = "\n" };
        var known = Known(table);
        writer.WriteLine(string.Join(',', [.. known.Select(column => column.Name), .. Enumerable.Range(0, numbers).Select(at => FormattableString.Invariant($"e{at}"))]));
        for (var row = 0; row < table.Count; row++)
        {
            var texts = known.Select(column => DelimitedText.Quote(column.Texts[row], ','));
            var values = new ArraySegment<float>(table.Values, row * table.Dimension, numbers).Select(value => value.ToString("R", CultureInfo.InvariantCulture));
            writer.WriteLine(string.Join(',', texts.Concat(values)));
        }
    }

    private static (string Name, IReadOnlyList<string> Texts)[] Known(EmbeddingTable table) =>
        [.. new[] { (Name: "path", Texts: table.Paths!), (Name: "label", Texts: table.Labels!) }.Where(column => column.Texts is not null)];
}
