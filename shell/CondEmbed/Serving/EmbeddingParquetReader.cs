using Parquet;
using Parquet.Schema;

namespace CondEmbed.Serving;

/// <summary>Reads the Parquet files that <see cref="EmbeddingParquet"/> writes, a row group at a time.</summary>
internal static class EmbeddingParquetReader
{
    // Texts are ReadOnlyMemory<char> to the library. What a row group claims to hold is not believed beyond this.
    private const long MostNumbers = 1 << 28;

    // Reading is asynchronous only in form, as writing is.
    internal static void Read(string path, EmbeddingRows rows) => ReadAsync(path, rows).GetAwaiter().GetResult();

    private static async Task ReadAsync(string path, EmbeddingRows rows)
    {
        var stream = File.OpenRead(path);
        await using (stream.ConfigureAwait(false))
        {
            var reader = await ParquetReader.CreateAsync(stream).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                var embedding = Field(reader, path, "embedding", typeof(float))
                    ?? throw new InputException($"{path}: no column 'embedding' of lists of float");
                var label = Field(reader, path, "label", typeof(ReadOnlyMemory<char>));
                for (var at = 0; at < reader.RowGroupCount; at++)
                {
                    using var group = reader.OpenRowGroupReader(at);
                    var numbers = await Numbers(group, embedding, path).ConfigureAwait(false);
                    var labels = label is null ? null : new string?[group.RowCount];
                    if (labels is not null)
                    {
                        await group.ReadAsync(label!, labels.AsMemory()).ConfigureAwait(false);
                    }

                    AddRows(rows, numbers.Values, numbers.Starts, labels);
                }
            }
        }
    }

    private static DataField? Field(ParquetReader reader, string path, string name, Type type)
    {
        var field = Array.Find(reader.Schema.GetDataFields(), field => field.Path.FirstPart == name);
        return field is null || field.ClrType == type
            ? field
            : throw new InputException($"{path}: the column '{name}' holds {field.ClrType.Name}, not what is written here");
    }

    // The numbers of a row group, and where each row begins among them.
    private static async Task<(float[] Values, List<int> Starts)> Numbers(ParquetRowGroupReader group, DataField field, string path)
    {
        var count = group.GetMetadata(field)?.MetaData?.NumValues ?? 0;
        if (count is < 0 or > MostNumbers || group.RowCount > MostNumbers)
        {
            throw new InputException($"{path}: a row group of {count} numbers in {group.RowCount} rows is more than can be read");
        }

        var values = new float[count];
        var defined = new int[count];
        var repeated = new int[count];
        await group.ReadRawAsync(field, values.AsMemory(), defined.AsMemory(), repeated.AsMemory()).ConfigureAwait(false);
        if (Array.Exists(defined, level => level != field.MaxDefinitionLevel))
        {
            throw new InputException($"{path}: some embeddings are empty or hold no number where one is expected");
        }

        return (values, [.. Enumerable.Range(0, values.Length).Where(at => repeated[at] == 0)]);
    }

    private static void AddRows(EmbeddingRows rows, float[] values, List<int> starts, string?[]? labels)
    {
        for (var row = 0; row < starts.Count; row++)
        {
            var end = row + 1 < starts.Count ? starts[row + 1] : values.Length;
            rows.Add($"row {row} of its group", values.AsSpan(starts[row]..end), labels?[row]);
        }
    }
}
