using System.Numerics;
using System.Runtime.InteropServices;
using CondEmbed.Common;
using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Models;
using CondEmbed.Search;
using CondEmbed.WeightFiles;

namespace CondEmbed.Interchange;

/// <summary>
/// Labelled embeddings made elsewhere, to be evaluated: in double precision if that is quick enough, otherwise in single precision.
/// </summary>
public sealed class LabelledEmbeddings
{
    // Products of numbers: about a second's work if the file is in double precision, less if it is not.
    private const double QuickProducts = 1e8;
    private const double QuickProductsOfDoubles = 4e9;

    private readonly string path;
    private readonly Embeddings<double>? doubles;
    private readonly Embeddings<float>? singles;
    private IReadOnlyDictionary<string, string>[]? columns;

    internal LabelledEmbeddings(string path, Embeddings<double>? doubles, Embeddings<float>? singles, string[] labels)
    {
        this.path = path;
        this.doubles = doubles;
        this.singles = singles;
        Labels = [.. labels.Select(ClassLabel.Normal)];
        if (labels.Length != Count)
        {
            throw new InputException($"{path}: {Count} embeddings but {labels.Length} labels");
        }
    }

    /// <summary>N, the number of embeddings.</summary>
    public int Count => doubles?.Count ?? singles!.Count;

    /// <summary>D, the length of an embedding.</summary>
    public int Dimension => doubles?.Dimension ?? singles!.Dimension;

    /// <summary>Whether they are stored in double precision.</summary>
    public bool IsDouble => doubles is not null;

    /// <summary>The label of each embedding.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>
    /// Reads <c>.json</c>, <c>{"embeddings": [[...], ...], "labels": [...]}</c>, in double precision; <c>.npy</c>, N x D, with labels in a file of
    /// their own: <c>.npy</c> (whole numbers), <c>.txt</c> (a label a line) or <c>.csv</c> (column <c>label</c>); or <c>.csv</c>, <c>.jsonl</c> and
    /// <c>.parquet</c> in single precision, as <see cref="EmbeddingFiles"/> writes them.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="labels">
    /// The labels, for any file but <c>.json</c>; by default those in the file, or beside an <c>.npy</c> file, such as <c>NAME.labels.csv</c>.
    /// </param>
    /// <param name="columns">Further columns of labels that the table of labels has to have, by which to measure too.</param>
    /// <exception cref="InputException">A file is missing or not well formed.</exception>
    public static LabelledEmbeddings Read(string path, string? labels = null, IReadOnlyCollection<string>? columns = null)
    {
        if (!File.Exists(path))
        {
            throw new InputException($"{path}: no such file");
        }

        var read = Rows(path, labels);
        if (columns is { Count: > 0 })
        {
            labels ??= path.EndsWith(".npy", StringComparison.OrdinalIgnoreCase) ? LabelFile.Find(path) : NoTable(path, columns);
            read.columns = LabelFile.Columns(labels, columns);
            if (read.columns.Length != read.Count)
            {
                throw new InputException($"{labels}: {read.columns.Length} lines of labels for the {read.Count} embeddings in {path}");
            }
        }

        return read;
    }

    private static string NoTable(string path, IReadOnlyCollection<string> columns) =>
        throw new InputException($"{path}: columns of labels ({string.Join(", ", columns)}) are read from a table with a line for each embedding: {Wording.Of("give it as labels", "--labels table.csv")}");

    private static LabelledEmbeddings Rows(string path, string? labels)
    {
        switch (Path.GetExtension(path).ToLowerInvariant())
        {
            case ".npy":
                return FromArray(path, Npy.Read(path).Widened(), LabelFile.Read(labels ?? LabelFile.Find(path)));
            case ".csv":
                return FromRows(path, labels, EmbeddingTextReader.ReadCsv);
            case ".jsonl":
                return FromRows(path, labels, EmbeddingTextReader.ReadJsonLines);
            case ".parquet":
                return FromRows(path, labels, EmbeddingParquetReader.Read);
            case ".json" when labels is null:
                return LabelledEmbeddingsJson.Read(path);
            case ".json":
                throw new InputException($"{path}: a .json file contains its own labels; leave out {labels}");
            default:
                throw new InputException($"{path}: embeddings can be .npy .csv .jsonl .parquet, or a .json file with 'embeddings' and 'labels'");
        }
    }

    /// <summary>All metrics, all against all; see <see cref="Retrieval"/>.</summary>
    /// <exception cref="InputException">There are fewer than two, one is not finite, or no two share a label.</exception>
    public RetrievalMetrics Evaluate(EvaluationOptions? options = null, CancellationToken cancel = default) => Evaluate(ByClass, null, options, cancel);

    /// <summary>All metrics of these as queries against a gallery, from which nothing is left out.</summary>
    /// <exception cref="InputException">The dimensions differ, an embedding is not finite, or no query has its label in the gallery.</exception>
    public RetrievalMetrics Evaluate(LabelledEmbeddings gallery, EvaluationOptions? options = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(gallery);
        return Evaluate(ByClass, gallery, options, cancel);
    }

    /// <summary>
    /// All metrics by what makes items alike besides their label, and by each further column of labels; all against all, or against a gallery. Of the options, those of labels apply:
    /// LabelMatch, LabelColumns, LabelOverlap and LabelSeparator.
    /// </summary>
    /// <exception cref="InputException">As for the others, or there are no such labels.</exception>
    public RetrievalMetrics Evaluate(DatasetOptions alike, LabelledEmbeddings? gallery = null, EvaluationOptions? options = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(alike);
        if (gallery is null && Count < 2)
        {
            throw new InputException($"{path}: {Count} embeddings; at least 2 are needed");
        }

        if (gallery is not null && gallery.Dimension != Dimension)
        {
            throw new InputException($"{path}: embeddings have {Dimension} numbers, but those in {gallery.path} have {gallery.Dimension}");
        }

        var items = With(gallery, alike);
        var (pairs, byColumn, names) = (LabelPairs.Of(items, alike), LabelPairs.Columns(items, alike), ClassNames(gallery));
        int[] asked = [.. Enumerable.Range(0, Count)];
        int[] searched = gallery is null ? asked : [.. Enumerable.Range(Count, gallery.Count)];
        var part = new TestPart(
            asked, searched, names.NumbersOf(Labels), names.NumbersOf((gallery ?? this).Labels), gallery is null ? asked : [.. asked.Select(_ => -1)]);
        return IsQuick(this, gallery ?? this) ? Measured(Widened(), gallery?.Widened()) : Measured(Narrowed(), gallery?.Narrowed());

        RetrievalMetrics Measured<T>(Embeddings<T> own, Embeddings<T>? others)
            where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
            PairMeasures.Of(pairs, byColumn, part, own, others ?? own, options ?? new EvaluationOptions(), cancel);
    }

    /// <summary>What makes two of these alike, in words; null if it is their label.</summary>
    /// <exception cref="InputException">There are no such labels.</exception>
    public string? RuleOf(DatasetOptions alike)
    {
        ArgumentNullException.ThrowIfNull(alike);
        return LabelPairs.Of(With(null, alike), alike)?.Rule;
    }

    /// <summary>The labels of every embedding in a column that was read, or in <c>label</c>; see <see cref="ImageDatasets.LabelsIn"/>.</summary>
    /// <exception cref="InputException">None has a label there.</exception>
    public IReadOnlyList<IReadOnlyList<string>> LabelsIn(string column, string separator = "") => new LabelledItems(path, Items, separator).Column(column);

    private static DatasetOptions ByClass { get; } = new();

    private ImageItem[] Items => [.. Labels.Select((label, row) => columns is null ? new ImageItem("", label, Datasets.Role.Test) : new ImageItem("", label, Datasets.Role.Test) { Labels = columns[row] })];

    /// <summary>The labels of these and of a gallery; none where nobody asks for them.</summary>
    private LabelledItems With(LabelledEmbeddings? gallery, DatasetOptions alike) =>
        new(path, alike.LabelMatch == LabelPairs.Class && alike.LabelColumns.Count == 0 ? [] : [.. Items, .. gallery?.Items ?? []], alike.LabelSeparator);

    /// <summary>The classes by the numbers that metrics know them by, of these alone or together with a gallery.</summary>
    public ClassIndex ClassNames(LabelledEmbeddings? gallery) => new(Labels.Concat(gallery?.Labels ?? []));

    /// <summary>Whether double precision is quick enough: then the file's type does not decide which of two equal cosines comes first.</summary>
    private static bool IsQuick(LabelledEmbeddings queries, LabelledEmbeddings gallery) =>
        (double)queries.Count * gallery.Count * queries.Dimension <= (queries.IsDouble || gallery.IsDouble ? QuickProductsOfDoubles : QuickProducts);

    private Embeddings<float> Narrowed() => singles ?? new(Array.ConvertAll(doubles!.Values, number => (float)number), Count, Dimension);

    private Embeddings<double> Widened() => doubles ?? new([.. singles!.Values.Select(number => (double)number)], Count, Dimension);

    private static LabelledEmbeddings FromRows(string path, string? labels, Action<string, EmbeddingRows> read)
    {
        var rows = new EmbeddingRows(path);
        try
        {
            read(path, rows);
        }
        catch (Exception problem) when (problem is not (InputException or OutOfMemoryException))
        {
            throw new InputException($"{path}: cannot be read: {problem.Message}");
        }

        return rows.Done(labels is null ? null : LabelFile.Read(labels));
    }

    private static LabelledEmbeddings FromArray(string path, NamedArray array, string[] labels)
    {
        if (array.Shape is not [<= int.MaxValue and var rows, > 0 and <= int.MaxValue and var columns])
        {
            throw new InputException($"{path}: embeddings must be rows of numbers, N x D, not [{string.Join(", ", array.Shape)}]");
        }

        var bytes = array.Data.Span;
        return array.Type switch
        {
            ElementType.F64 => new(path, new([.. MemoryMarshal.Cast<byte, double>(bytes)], (int)rows, (int)columns), null, labels),
            ElementType.F32 => new(path, null, new([.. MemoryMarshal.Cast<byte, float>(bytes)], (int)rows, (int)columns), labels),
            _ => throw new InputException($"{path}: embeddings must be floating-point numbers, not {array.Type}; save embeddings.astype('float32')"),
        };
    }
}
