using CondEmbed.Common;

namespace CondEmbed.Interchange;

/// <summary>
/// Collects rows of numbers of equal length with their labels while a file is read row by row, so that the text of a large file is never held as a whole.
/// </summary>
/// <param name="path">The file, for messages.</param>
internal sealed class EmbeddingRows(string path)
{
    private readonly List<float> values = [];
    private readonly List<string> labels = [];
    private readonly ProblemList problems = new();
    private int dimension = -1;
    private int count;

    /// <summary>A row, and its label if the file has one; <paramref name="place"/> names it in messages.</summary>
    internal void Add(string place, ReadOnlySpan<float> row, string? label)
    {
        dimension = dimension < 0 ? row.Length : dimension;
        if (row.Length != dimension || row.Length == 0)
        {
            problems.Add($"{path}, {place}: {row.Length} numbers instead of {Math.Max(dimension, 1)}");
            return;
        }

        values.AddRange(row);
        count++;
        if (label is not null)
        {
            labels.Add(label);
        }
    }

    /// <summary>A row that cannot be used.</summary>
    internal void Problem(string place, string what) => problems.Add($"{path}, {place}: {what}");

    /// <summary>All rows, with their own labels or others.</summary>
    /// <exception cref="InputException">A row is wrong, there are none, or no labels.</exception>
    internal LabelledEmbeddings Done(string[]? given)
    {
        problems.ThrowIfAny();
        if (count == 0)
        {
            throw new InputException($"{path}: contains no embeddings");
        }

        if (given is null && labels.Count == 0)
        {
            throw new InputException($"{path}: has no labels; give a file of labels, or embed labelled images");
        }

        return new LabelledEmbeddings(path, null, new([.. values], count, dimension), given ?? [.. labels]);
    }
}
