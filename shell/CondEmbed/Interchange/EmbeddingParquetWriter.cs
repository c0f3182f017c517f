using Parquet;
using Parquet.Schema;

namespace CondEmbed.Interchange;

/// <summary>Some rows of a Parquet file of embeddings. Null strings give no columns.</summary>
internal sealed record EmbeddingGroup(IReadOnlyCollection<string>? Ids, IReadOnlyCollection<string>? Paths, IReadOnlyCollection<string>? Labels, ReadOnlyMemory<float> Values);

/// <summary>
/// Writes embeddings as a Parquet file, a group of rows at a time: <c>id</c>, <c>path</c>, <c>label</c> (strings, as far as known), <c>embedding</c>
/// (list of float). Writing is asynchronous only in form: it waits for a local file.
/// </summary>
internal sealed class EmbeddingParquetWriter : IDisposable
{
    // A row group is built in memory: this many numbers with their Parquet levels take about 50 MB.
    private const int NumbersInGroup = 4 << 20;

    private readonly DataField<string> id = new("id", false);
    private readonly DataField<string> path = new("path", false);
    private readonly DataField<string> label = new("label", false);
    private readonly DataField<float> element = new("element", false);
    private readonly ParquetWriter writer;
    private readonly int dimension;

    internal EmbeddingParquetWriter(
        Stream stream, int dimension, bool ids, bool paths, bool labels, IReadOnlyDictionary<string, string>? metadata = null)
    {
        this.dimension = dimension;
        Field?[] fields = [ids ? id : null, paths ? path : null, labels ? label : null, new ListField("embedding", element)];
        var schema = new ParquetSchema([.. fields.OfType<Field>()]);
        writer = ParquetWriter.CreateAsync(schema, stream).GetAwaiter().GetResult();
        if (metadata is not null)
        {
            writer.CustomMetadata = metadata;
        }
    }

    /// <summary>How many rows of the given dimension a group should have.</summary>
    internal static int RowsInGroup(int dimension) => Math.Max(1, NumbersInGroup / dimension);

    /// <summary>Writes a whole table, with its paths and labels as far as they are known.</summary>
    internal static void Write(Stream stream, EmbeddingTable table)
    {
        using var writer = new EmbeddingParquetWriter(stream, table.Dimension, ids: false, table.Paths is not null, table.Labels is not null);
        foreach (var rows in Enumerable.Range(0, table.Count).Chunk(RowsInGroup(table.Dimension)))
        {
            var values = table.Values.AsMemory(rows[0] * table.Dimension, rows.Length * table.Dimension);
            writer.Write(new EmbeddingGroup(null, Part(table.Paths), Part(table.Labels), values));

            string[]? Part(IReadOnlyList<string>? texts) => texts is null ? null : [.. rows.Select(row => texts[row])];
        }
    }

    internal void Write(EmbeddingGroup rows) => WriteAsync(rows).GetAwaiter().GetResult();

    public void Dispose() => writer.DisposeAsync().AsTask().GetAwaiter().GetResult();

    private async Task WriteAsync(EmbeddingGroup rows)
    {
        using var group = writer.CreateRowGroup();
        await WriteTexts(group, id, rows.Ids).ConfigureAwait(false);
        await WriteTexts(group, path, rows.Paths).ConfigureAwait(false);
        await WriteTexts(group, label, rows.Labels).ConfigureAwait(false);
        await group.WriteAllPartsAsync<float>(
            element,
            rows.Values,
            Defined(rows.Values.Length, element.MaxDefinitionLevel),
            Repetitions(rows.Values.Length),
            CancellationToken.None).ConfigureAwait(false);
    }

    private static async Task WriteTexts(ParquetRowGroupWriter group, DataField field, IReadOnlyCollection<string>? texts)
    {
        if (texts is not null)
        {
            await group.WriteAsync(field, texts).ConfigureAwait(false);
        }
    }

    // Every number is there.
    private static ReadOnlyMemory<int> Defined(int numbers, int level)
    {
        var levels = new int[numbers];
        Array.Fill(levels, level);
        return levels;
    }

    // Repetition level 0 starts a list, 1 continues it.
    private ReadOnlyMemory<int> Repetitions(int numbers)
    {
        var levels = new int[numbers];
        Array.Fill(levels, 1);
        for (var at = 0; at < numbers; at += dimension)
        {
            levels[at] = 0;
        }

        return levels;
    }
}
