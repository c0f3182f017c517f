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

    internal LabelledEmbeddings(string path, Embeddings<double>? doubles, Embeddings<float>? singles, string[]? labels)
    {
        this.path = path;
        this.doubles = doubles;
        this.singles = singles;
        HasLabels = labels is not null;
        Labels = labels is null ? [.. Enumerable.Repeat("", Count)] : [.. labels.Select(ClassLabel.Normal)];
        if (Labels.Count != Count)
        {
            throw new InputException($"{path}: {Count} embeddings but {Labels.Count} labels");
        }
    }

    /// <summary>N, the number of embeddings.</summary>
    public int Count => doubles?.Count ?? singles!.Count;

    /// <summary>D, the length of an embedding.</summary>
    public int Dimension => doubles?.Dimension ?? singles!.Dimension;

    /// <summary>Whether they are stored in double precision.</summary>
    public bool IsDouble => doubles is not null;

    /// <summary>The label of each embedding; empty for all where there are none.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>Whether there are labels: those that only pairs compare need none.</summary>
    public bool HasLabels { get; }

    /// <summary>The paths of the images; null if they are unknown, or nobody asked for them.</summary>
    internal string[]? Paths { get; set; }

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
    /// <param name="alike">
    /// What makes items alike besides their label. For <see cref="DatasetOptions.Pairs"/>, the paths of the images are read too: the column <c>path</c> of the file or of the table of labels,
    /// or the list <c>paths</c> of a <c>.json</c> file. Where only these count (LabelMatch is <c>none</c>), labels may be missing.
    /// </param>
    /// <exception cref="InputException">A file is missing or not well formed.</exception>
    public static LabelledEmbeddings Read(string path, string? labels = null, IReadOnlyCollection<string>? columns = null, DatasetOptions? alike = null)
    {
        FileProblem.DemandFile(path);

        labels ??= path.EndsWith(".npy", StringComparison.OrdinalIgnoreCase) ? LabelFile.Find(path) : null;
        var read = Rows(path, labels, new(alike?.LabelMatch != LabelPairs.None, alike?.Pairs.Length > 0));
        if (columns is { Count: > 0 })
        {
            read.columns = Fitting(LabelFile.Columns(labels ?? NoTable(path, columns), columns));
        }

        if (alike?.Pairs.Length > 0 && read.Paths is null && labels is not null && LabelFile.Paths(labels) is { } paths)
        {
            read.Paths = Fitting(paths);
        }

        return read;

        T[] Fitting<T>(T[] rows) => rows.Length == read.Count ? rows : throw new InputException($"{labels}: {rows.Length} lines of labels for the {read.Count} embeddings in {path}");
    }

    /// <summary>What is wanted beside the embeddings.</summary>
    /// <param name="Labels">Whether there must be labels.</param>
    /// <param name="Paths">Whether the paths of the images are wanted, where there are any.</param>
    internal sealed record Wanted(bool Labels, bool Paths);

    private static string NoTable(string path, IReadOnlyCollection<string> columns) =>
        throw new InputException($"{path}: columns of labels ({string.Join(", ", columns)}) are read from a table with a line for each embedding: {Wording.Of("give it as labels", "--labels table.csv")}");

    private static LabelledEmbeddings Rows(string path, string? labels, Wanted wanted)
    {
        switch (Path.GetExtension(path).ToLowerInvariant())
        {
            case ".npy":
                return FromArray(path, Npy.Read(path).Widened(), LabelFile.ReadWanted(labels!, wanted.Labels));
            case ".csv":
                return FromRows(path, labels, wanted, EmbeddingTextReader.ReadCsv);
            case ".jsonl":
                return FromRows(path, labels, wanted, EmbeddingTextReader.ReadJsonLines);
            case ".parquet":
                return FromRows(path, labels, wanted, EmbeddingParquetReader.Read);
            case ".json" when labels is null:
                return LabelledEmbeddingsJson.Read(path, wanted);
            case ".json":
                throw new InputException($"{path}: a .json file contains its own labels; leave out {labels}");
            default:
                throw new InputException($"{path}: embeddings can be .npy .csv .jsonl .parquet, or a .json file with 'embeddings' and 'labels'");
        }
    }

    /// <summary>All metrics, all against all; see <see cref="Retrieval"/>.</summary>
    /// <exception cref="InputException">There are fewer than two, one is not finite, or no two share a label.</exception>
    public RetrievalMetrics Evaluate(EvaluationOptions? options = null, CancellationToken cancellationToken = default) => Evaluate(ByClass, null, options, cancellationToken);

    /// <summary>All metrics of these as queries against a gallery, from which nothing is left out.</summary>
    /// <exception cref="InputException">The dimensions differ, an embedding is not finite, or no query has its label in the gallery.</exception>
    public RetrievalMetrics Evaluate(LabelledEmbeddings gallery, EvaluationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(gallery);
        return Evaluate(ByClass, gallery, options, cancellationToken);
    }

    /// <summary>
    /// All metrics by what makes items alike besides their label, and by each further column of labels; all against all, or against a gallery. Of the options, those of labels apply:
    /// LabelMatch, LabelColumns, LabelOverlap, LabelSeparator and Pairs; the embeddings are then read with them.
    /// </summary>
    /// <exception cref="InputException">As for the others, or there are no such labels.</exception>
    public RetrievalMetrics Evaluate(DatasetOptions alike, LabelledEmbeddings? gallery = null, EvaluationOptions? options = null, CancellationToken cancellationToken = default)
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

        DemandLabels(gallery, alike, options);
        var items = With(gallery, alike);
        var (pairs, byColumn, names) = (items.Pairs(alike), LabelPairs.Columns(items, alike), ClassNames(gallery));
        int[] asked = [.. Enumerable.Range(0, Count)];
        int[] searched = gallery is null ? asked : [.. Enumerable.Range(Count, gallery.Count)];
        var part = new TestPart(
            asked, searched, names.NumbersOf(Labels), names.NumbersOf((gallery ?? this).Labels), gallery is null ? asked : [.. asked.Select(_ => -1)]);
        return IsQuick(this, gallery ?? this) ? Measured(Widened(), gallery?.Widened()) : Measured(Narrowed(), gallery?.Narrowed());

        RetrievalMetrics Measured<T>(Embeddings<T> own, Embeddings<T>? others)
            where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
            PairMeasures.Of(pairs, byColumn, part, own, others ?? own, options ?? new EvaluationOptions(), cancellationToken);
    }

    /// <summary>What makes two of these, and of a gallery, alike, in words; null if it is their label.</summary>
    /// <exception cref="InputException">There are no such labels or pairs.</exception>
    public string? RuleOf(DatasetOptions alike, LabelledEmbeddings? gallery = null)
    {
        ArgumentNullException.ThrowIfNull(alike);
        return With(gallery, alike).Pairs(alike)?.Rule;
    }

    /// <summary>The labels of every embedding in a column that was read, or in <c>label</c>; see <see cref="ImageDatasets.LabelsIn"/>.</summary>
    /// <exception cref="InputException">None has a label there.</exception>
    public IReadOnlyList<IReadOnlyList<string>> LabelsIn(string column, string separator = "") => new LabelledItems(path, [.. Items], separator).Column(column);

    private static DatasetOptions ByClass { get; } = new();

    private IEnumerable<ImageItem> Items => Labels.Select((label, row) => new ImageItem(Paths?[row] ?? "", label, Datasets.Role.Test) { Labels = columns?[row] ?? NoLabels });

    private static Dictionary<string, string> NoLabels { get; } = [];

    /// <summary>The labels and paths of these and of a gallery; none where nobody asks for them.</summary>
    private LabelledItems With(LabelledEmbeddings? gallery, DatasetOptions alike)
    {
        LabelledEmbeddings[] sets = gallery is null ? [this] : [this, gallery];
        if (alike.Pairs.Length > 0 && Array.Find(sets, set => set.Paths is null) is { } unknown)
        {
            throw new InputException($"{unknown.path}: does not say the paths of its images, by which {alike.Pairs} names them: write them beside the embeddings as 'path' ('paths' in a .json file), or give a table of labels with a column 'path'");
        }

        return new(path, alike is { LabelMatch: LabelPairs.Class, LabelColumns.Count: 0, Pairs.Length: 0 } ? [] : [.. sets.SelectMany(set => set.Items)], alike.LabelSeparator);
    }

    /// <summary>Checks that what is asked for can be said without labels, where there are none.</summary>
    private void DemandLabels(LabelledEmbeddings? gallery, DatasetOptions alike, EvaluationOptions? options)
    {
        if (alike.LabelMatch == LabelPairs.None && alike.Pairs.Length == 0)
        {
            throw new InputException($"'{LabelPairs.None}' leaves only pairs that a file lists: {Wording.Of("name it in Pairs", "--pairs FILE")}");
        }

        if (HasLabels && gallery?.HasLabels != false)
        {
            return;
        }

        if (alike.LabelMatch != LabelPairs.None || options is { Clustering: true } or { ClassAverages: true } or { FalseMatchRates.Count: > 0 })
        {
            throw new InputException($"{(HasLabels ? gallery!.path : path)}: has no labels, by which to say what is alike, to make clusters or averages of classes, or to count false matches; give a file of labels");
        }
    }

    /// <summary>The classes by the numbers that metrics know them by, of these alone or together with a gallery.</summary>
    public ClassIndex ClassNames(LabelledEmbeddings? gallery) => new(Labels.Concat(gallery?.Labels ?? []));

    /// <summary>Whether double precision is quick enough: then the file's type does not decide which of two equal cosines comes first.</summary>
    private static bool IsQuick(LabelledEmbeddings queries, LabelledEmbeddings gallery) =>
        (double)queries.Count * gallery.Count * queries.Dimension <= (queries.IsDouble || gallery.IsDouble ? QuickProductsOfDoubles : QuickProducts);

    private Embeddings<float> Narrowed() => singles ?? new(Array.ConvertAll(doubles!.Values, number => (float)number), Count, Dimension);

    private Embeddings<double> Widened() => doubles ?? new([.. singles!.Values.Select(number => (double)number)], Count, Dimension);

    private static LabelledEmbeddings FromRows(string path, string? labels, Wanted wanted, Action<string, EmbeddingRows> read)
    {
        var rows = new EmbeddingRows(path, wanted.Paths);
        try
        {
            read(path, rows);
        }
        catch (Exception problem) when (problem is not (InputException or OutOfMemoryException))
        {
            throw new InputException($"{path}: cannot be read: {problem.Message}");
        }

        return rows.Done(labels is null ? null : LabelFile.ReadWanted(labels, wanted.Labels), wanted.Labels);
    }

    private static LabelledEmbeddings FromArray(string path, NamedArray array, string[]? labels)
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
