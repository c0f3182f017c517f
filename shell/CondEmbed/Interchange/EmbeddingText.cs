using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using CondEmbed.Common;

namespace CondEmbed.Interchange;

/// <summary>Embeddings as text. Numbers are written in the shortest form that reads back as the same float.</summary>
internal static class EmbeddingText
{
    internal static void WriteCsv(Stream stream, EmbeddingTable table)
    {
        using var writer = Writer(stream);
        var names = Enumerable.Range(0, table.Dimension).Select(at => string.Create(CultureInfo.InvariantCulture, $"e{at}"));
        writer.WriteLine(string.Join(',', Known(table, "path", "label").Concat(names)));
        for (var row = 0; row < table.Count; row++)
        {
            var separator = "";
            foreach (var text in Known(table, table.Paths?[row], table.Labels?[row]))
            {
                writer.Write(separator + DelimitedText.Quote(text, ','));
                separator = ",";
            }

            foreach (var value in table.Embeddings.Row(row))
            {
                writer.Write(separator);
                writer.Write(value.ToString("R", CultureInfo.InvariantCulture));
                separator = ",";
            }

            writer.WriteLine();
        }
    }

    internal static void WriteLabels(Stream stream, EmbeddingTable table)
    {
        using var writer = Writer(stream);
        writer.WriteLine(string.Join(',', Known(table, "path", "label")));
        for (var row = 0; row < table.Count; row++)
        {
            var fields = Known(table, table.Paths?[row], table.Labels?[row]).Select(text => DelimitedText.Quote(text, ','));
            writer.WriteLine(string.Join(',', fields));
        }
    }

    /// <summary>Whether a file begins as <see cref="WriteLabels"/> writes them.</summary>
    internal static bool IsLabels(string path) => File.ReadLines(path).FirstOrDefault() is "path,label" or "path" or "label";

    internal static void WriteJsonLines(Stream stream, EmbeddingTable table)
    {
        using var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        for (var row = 0; row < table.Count; row++)
        {
            writer.WriteStartObject();
            if (table.Paths is not null)
            {
                writer.WriteString("path", table.Paths[row]);
            }

            if (table.Labels is not null)
            {
                writer.WriteString("label", table.Labels[row]);
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

    private static StreamWriter Writer(Stream stream) =>
        new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), 1 << 16, leaveOpen: true) { NewLine = "\n" };

    private static IEnumerable<string> Known(EmbeddingTable table, string? path, string? label)
    {
        if (table.Paths is not null)
        {
            yield return path!;
        }

        if (table.Labels is not null)
        {
            yield return label!;
        }
    }
}
