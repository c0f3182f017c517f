using System.Runtime.InteropServices;
using CondEmbed.Checkpoints;
using CondEmbed.Datasets;
using CondEmbed.Evaluation;

namespace CondEmbed.Serving;

/// <summary>Embeddings with labels that somebody made elsewhere, to be measured in the precision that they are stored in.</summary>
public sealed class LabelledEmbeddings
{
    private readonly Embeddings<double>? doubles;
    private readonly Embeddings<float>? singles;

    internal LabelledEmbeddings(string path, Embeddings<double>? doubles, Embeddings<float>? singles, string[] labels)
    {
        this.doubles = doubles;
        this.singles = singles;
        Labels = labels;
        if (labels.Length != Count)
        {
            throw new InputException($"{path}: {Count} embeddings but {labels.Length} labels");
        }

        if (Count < 2)
        {
            throw new InputException($"{path}: {Count} embeddings; at least 2 are needed");
        }
    }

    /// <summary>N.</summary>
    public int Count => doubles?.Count ?? singles!.Count;

    /// <summary>D.</summary>
    public int Dimension => doubles?.Dimension ?? singles!.Dimension;

    /// <summary>Whether they are stored in double precision.</summary>
    public bool IsDouble => doubles is not null;

    /// <summary>The label of each embedding.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>
    /// Reads <c>.json</c>, <c>{"embeddings": [[...], ...], "labels": [...]}</c>, in double precision; or <c>.npy</c>, N x D, with labels in
    /// a file of their own: <c>.npy</c> (whole numbers), <c>.txt</c> (a label a line) or <c>.csv</c> (column <c>label</c>).
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="labels">The labels of an <c>.npy</c> file; by default those beside it, such as <c>NAME.labels.csv</c>.</param>
    /// <exception cref="InputException">A file is missing or not well formed.</exception>
    public static LabelledEmbeddings Read(string path, string? labels = null)
    {
        if (!File.Exists(path))
        {
            throw new InputException($"{path}: no such file");
        }

        switch (Path.GetExtension(path).ToLowerInvariant())
        {
            case ".npy":
                return FromArray(path, Npy.Read(path).Widened(), LabelFile.Read(labels ?? LabelFile.Find(path)));
            case ".json" when labels is null:
                return LabelledEmbeddingsJson.Read(path);
            case ".json":
                throw new InputException($"{path}: a .json file holds its labels itself; leave out {labels}");
            default:
                throw new InputException($"{path}: embeddings can be a .npy file with labels, or a .json file with 'embeddings' and 'labels'");
        }
    }

    /// <summary>All metrics, all against all; see <see cref="Retrieval"/>.</summary>
    public RetrievalMetrics Evaluate(EvaluationOptions? options = null, CancellationToken cancel = default)
    {
        var numbers = new ClassIndex(Labels).NumbersOf(Labels);
        return doubles is not null
            ? Retrieval.Evaluate(doubles, numbers, options, cancel)
            : Retrieval.Evaluate(singles!, numbers, options, cancel);
    }

    private static LabelledEmbeddings FromArray(string path, NamedArray array, string[] labels)
    {
        if (array.Shape is not [var rows, > 0 and var columns])
        {
            throw new InputException($"{path}: embeddings are rows of numbers, N x D, not [{string.Join(", ", array.Shape)}]");
        }

        var bytes = array.Data.Span;
        return array.Type switch
        {
            ElementType.F64 => new(path, new([.. MemoryMarshal.Cast<byte, double>(bytes)], (int)rows, (int)columns), null, labels),
            ElementType.F32 => new(path, null, new([.. MemoryMarshal.Cast<byte, float>(bytes)], (int)rows, (int)columns), labels),
            _ => throw new InputException($"{path}: embeddings are floating point numbers, not {array.Type}"),
        };
    }
}
