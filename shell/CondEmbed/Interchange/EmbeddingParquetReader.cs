using Parquet;
using Parquet.Schema;

namespace CondEmbed.Interchange;

/// <summary>Reads the Parquet files that <see cref="EmbeddingParquetWriter"/> writes, a row group at a time. Reading is asynchronous only in form, as writing is.</summary>
internal sealed class EmbeddingParquetReader : IDisposable
{
    // What a row group may claim to hold, in numbers or rows: as much as this program writes into one, and more in a file that is large. Equal numbers take few bytes.
    private const long MostInGroup = 4 << 20;
    private const long MostPerByte = 64;
    private const long MostAtAll = 1 << 28;

    private readonly string path;
    private readonly EndedStream file;
    private readonly ParquetReader reader = null!;
    private readonly DataField embedding;

    /// <summary>Opens a file.</summary>
    /// <exception cref="InputException">It has no column of embeddings.</exception>
    internal EmbeddingParquetReader(string path)
    {
        this.path = path;
        file = new EndedStream(path);
        try
        {
            if (ParquetFooter.Problem(file) is { } problem)
            {
                throw new InputException($"{path}: cannot be read as Parquet: {problem}. Write or download it again.");
            }

            reader = ParquetReader.CreateAsync(file).GetAwaiter().GetResult();
            embedding = Field("embedding", typeof(float)) ?? throw new InputException($"{path}: no column 'embedding' of lists of float");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal int Groups => reader.RowGroupCount;

    internal IReadOnlyDictionary<string, string> Metadata => reader.CustomMetadata;

    /// <summary>Adds all rows of a file, with their labels if it has any.</summary>
    internal static void Read(string path, EmbeddingRows rows)
    {
        using var file = new EmbeddingParquetReader(path);
        for (var group = 0; group < file.Groups; group++)
        {
            var (values, starts) = file.Numbers(group);
            var labels = file.Texts(group, "label");
            var images = rows.WithPaths ? file.Texts(group, "path") : null;
            for (var row = 0; row < starts.Count; row++)
            {
                var end = row + 1 < starts.Count ? starts[row + 1] : values.Length;
                rows.Add($"row {row} of its group", values.AsSpan(starts[row]..end), labels?[row], images?[row]);
            }
        }
    }

    public void Dispose()
    {
        reader?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        file.Dispose();
    }

    /// <summary>The rows of a group.</summary>
    internal long Rows(int group)
    {
        using var opened = reader.OpenRowGroupReader(group);
        return opened.RowCount;
    }

    /// <summary>The texts of a row group; null where there is no such column.</summary>
    internal string[]? Texts(int group, string column)
    {
        // The library represents strings as ReadOnlyMemory<char>.
        var field = Field(column, typeof(ReadOnlyMemory<char>));
        if (field is null)
        {
            return null;
        }

        using var opened = reader.OpenRowGroupReader(group);
        var texts = new string?[Believed(opened.RowCount, opened.RowCount)];
        opened.ReadAsync(field, texts.AsMemory()).AsTask().GetAwaiter().GetResult();
        return [.. texts.Select(text => text ?? "")];
    }

    /// <summary>The numbers of a row group, and where each row begins among them.</summary>
    internal (float[] Values, List<int> Starts) Numbers(int group)
    {
        using var opened = reader.OpenRowGroupReader(group);
        var count = Believed(opened.GetMetadata(embedding)?.MetaData?.NumValues ?? 0, opened.RowCount);
        var values = new float[count];
        var defined = new int[count];
        var repeated = new int[count];
        opened.ReadRawAsync(embedding, values.AsMemory(), defined.AsMemory(), repeated.AsMemory()).AsTask().GetAwaiter().GetResult();
        if (Array.Exists(defined, level => level != embedding.MaxDefinitionLevel))
        {
            throw new InputException($"{path}: some embeddings are empty or have missing numbers");
        }

        return (values, [.. Enumerable.Range(0, values.Length).Where(at => repeated[at] == 0)]);
    }

    private int Believed(long numbers, long rows) =>
        Math.Min(numbers, rows) < 0 || Math.Max(numbers, rows) > Math.Min(MostAtAll, MostInGroup + (MostPerByte * file.Length))
            ? throw new InputException($"{path}: a row group of {numbers} numbers in {rows} rows is more than can be read")
            : (int)numbers;

    private DataField? Field(string name, Type type)
    {
        var field = Array.Find(reader.Schema.GetDataFields(), field => field.Path.FirstPart == name);
        return field is null || field.ClrType == type
            ? field
            : throw new InputException($"{path}: the column '{name}' contains {field.ClrType.Name}, which is not what this program writes");
    }
}
