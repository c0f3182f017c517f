namespace CondEmbed.Interchange;

/// <summary>
/// Collects rows of numbers of equal length with their labels while a file is read row by row, so that the text of a large file is never held as a whole.
/// </summary>
/// <param name="path">The file, for messages.</param>
/// <param name="withPaths">Whether the paths of the images are wanted, where the file has them.</param>
internal sealed class EmbeddingRows(string path, bool withPaths)
{
    private readonly List<float> values = [];
    private readonly List<string> labels = [];
    private readonly List<string> paths = [];
    private readonly ProblemList problems = new();
    private int dimension = -1;
    private int count;

    /// <summary>Whether the paths of the images are wanted.</summary>
    internal bool WithPaths => withPaths;

    /// <summary>A row, with its label and the path of its image if the file has them; <paramref name="place"/> names it in messages.</summary>
    internal void Add(string place, ReadOnlySpan<float> row, string? label, string? image)
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

        if (withPaths && image is not null)
        {
            paths.Add(image);
        }
    }

    /// <summary>A row that cannot be used.</summary>
    internal void Problem(string place, string what) => problems.Add($"{path}, {place}: {what}");

    /// <summary>All rows, with their own labels or others.</summary>
    /// <exception cref="InputException">A row is wrong, there are none, or no labels where they are needed.</exception>
    internal LabelledEmbeddings Done(string[]? given, bool needsLabels)
    {
        problems.ThrowIfAny();
        if (count == 0)
        {
            throw new InputException($"{path}: contains no embeddings");
        }

        if (given is null && labels.Count == 0 && needsLabels)
        {
            throw new InputException($"{path}: has no labels; give a file of labels, or embed labelled images");
        }

        return new LabelledEmbeddings(path, null, new([.. values], count, dimension), given ?? (labels.Count == 0 ? null : [.. labels])) { Paths = paths.Count == count ? [.. paths] : null };
    }
}
