using CondEmbed.WeightFiles;

namespace CondEmbed.Interchange;

/// <summary>
/// Writes embeddings in the format given by the file name's ending, with paths and labels if known.
/// <list type="bullet">
/// <item><c>.npy</c>: N x D, little-endian float32; paths and labels beside it in <c>NAME.labels.csv</c>, columns <c>path,label</c>.</item>
/// <item><c>.csv</c>: columns <c>path,label,e0,e1,...</c>.</item>
/// <item><c>.jsonl</c>: a line <c>{"path":...,"label":...,"embedding":[...]}</c> for each image.</item>
/// <item><c>.parquet</c>: columns <c>path</c>, <c>label</c> (strings), <c>embedding</c> (list of float).</item>
/// </list>
/// </summary>
public static class EmbeddingFiles
{
    private static readonly Dictionary<string, Action<Stream, EmbeddingTable>> Writers = new(StringComparer.OrdinalIgnoreCase)
    {
        [".npy"] = WriteNpy,
        [".csv"] = EmbeddingText.WriteCsv,
        [".jsonl"] = EmbeddingText.WriteJsonLines,
        [".parquet"] = EmbeddingParquetWriter.Write,
    };

    /// <summary>The file name endings that can be written.</summary>
    public static IReadOnlyCollection<string> Extensions => Writers.Keys;

    /// <summary>Checks a name before the work of embedding is done.</summary>
    /// <exception cref="InputException">Its ending is not one of <see cref="Extensions"/>, or its folder is missing.</exception>
    public static void Check(string path)
    {
        if (!Writers.ContainsKey(Path.GetExtension(path)))
        {
            throw new InputException($"{path}: the ending '{Path.GetExtension(path)}' is not one of {string.Join(' ', Extensions)}");
        }

        AtomicFile.Check(path);
        if (path.EndsWith(".npy", StringComparison.OrdinalIgnoreCase))
        {
            AtomicFile.Check(LabelFile.Beside(path, ".csv"));
        }
    }

    /// <summary>Writes a file atomically.</summary>
    /// <exception cref="InputException">As in <see cref="Check"/>, or an embedding is not finite.</exception>
    public static void Write(string path, EmbeddingTable table)
    {
        Check(path);
        table.Embeddings.ThrowIfNotFinite();
        var labels = path.EndsWith(".npy", StringComparison.OrdinalIgnoreCase) ? LabelFile.Beside(path, ".csv") : null;
        var outdated = labels is not null && table.Paths is null && table.Labels is null && File.Exists(labels);
        if (outdated && !EmbeddingText.IsLabels(labels!))
        {
            throw new InputException($"{labels}: is next to {path} and would be taken for its labels; move it away, or choose another name.");
        }

        using var files = AtomicFiles.Together();
        AtomicFile.Write(path, stream => Writers[Path.GetExtension(path)](stream, table));
        if (labels is not null && (table.Paths is not null || table.Labels is not null))
        {
            AtomicFile.Write(labels, stream => EmbeddingText.WriteLabels(stream, table));
        }

        files.Commit();
        if (outdated)
        {
            // The labels of an older file must not stay next to new embeddings without labels.
            File.Delete(labels!);
        }
    }

    private static void WriteNpy(Stream stream, EmbeddingTable table) =>
        Npy.Write(stream, NamedArray.Of("embeddings", [table.Count, table.Dimension], table.Values));
}
