using Parquet;
using Parquet.Schema;

namespace CondEmbed.Serving;

/// <summary>Embeddings as a Parquet file: <c>path</c>, <c>label</c> (strings, as far as known), <c>embedding</c> (list of float).</summary>
internal static class EmbeddingParquet
{
    // A row group is built in memory: this many numbers with their levels take about 50 MB.
    private const int NumbersInGroup = 4 << 20;

    // Writing is asynchronous only in form: it waits for a local file, and nothing else runs on this thread meanwhile.
    internal static void Write(Stream stream, EmbeddingTable table) => WriteAsync(stream, table).GetAwaiter().GetResult();

    private static async Task WriteAsync(Stream stream, EmbeddingTable table)
    {
        var element = new DataField<float>("element", false);
        var path = table.Paths is null ? null : new DataField<string>("path", false);
        var label = table.Labels is null ? null : new DataField<string>("label", false);
        Field?[] fields = [path, label, new ListField("embedding", element)];
        var schema = new ParquetSchema([.. fields.OfType<Field>()]);
        var writer = await ParquetWriter.CreateAsync(schema, stream).ConfigureAwait(false);
        await using (writer.ConfigureAwait(false))
        {
            var rows = Math.Max(1, NumbersInGroup / table.Dimension);
            for (var first = 0; first < table.Count; first += rows)
            {
                var count = Math.Min(rows, table.Count - first);
                using var group = writer.CreateRowGroup();
                await WriteTexts(group, path, table.Paths, first, count).ConfigureAwait(false);
                await WriteTexts(group, label, table.Labels, first, count).ConfigureAwait(false);
                var numbers = table.Values.AsMemory(first * table.Dimension, count * table.Dimension);
                await group.WriteAllPartsAsync<float>(
                    element,
                    numbers,
                    Defined(numbers.Length, element.MaxDefinitionLevel),
                    Repetitions(count, table.Dimension),
                    CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    private static async Task WriteTexts(ParquetRowGroupWriter group, DataField? field, string[]? texts, int first, int count)
    {
        if (field is not null)
        {
            await group.WriteAsync(field, new ArraySegment<string>(texts!, first, count)).ConfigureAwait(false);
        }
    }

    // Every number is there.
    private static ReadOnlyMemory<int> Defined(int numbers, int level)
    {
        var levels = new int[numbers];
        Array.Fill(levels, level);
        return levels;
    }

    // Repetition level 0 begins a list, 1 goes on with it.
    private static ReadOnlyMemory<int> Repetitions(int rows, int dimension)
    {
        var levels = new int[rows * dimension];
        Array.Fill(levels, 1);
        for (var row = 0; row < rows; row++)
        {
            levels[row * dimension] = 0;
        }

        return levels;
    }
}
