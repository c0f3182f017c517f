namespace CondEmbed.Interchange;

/// <summary>Embeddings as a Parquet file: <c>path</c>, <c>label</c> (strings, as far as known), <c>embedding</c> (list of float).</summary>
internal static class EmbeddingParquet
{
    internal static void Write(Stream stream, EmbeddingTable table)
    {
        using var writer = new EmbeddingParquetWriter(stream, table.Dimension, ids: false, table.Paths is not null, table.Labels is not null);
        var rows = EmbeddingParquetWriter.RowsInGroup(table.Dimension);
        for (var first = 0; first < table.Count; first += rows)
        {
            var count = Math.Min(rows, table.Count - first);
            var values = table.Values.AsMemory(first * table.Dimension, count * table.Dimension);
            writer.Write(new EmbeddingGroup(null, Part(table.Paths, first, count), Part(table.Labels, first, count), values));
        }
    }

    private static IReadOnlyCollection<string>? Part(string[]? texts, int first, int count) => texts?[first..(first + count)];
}
