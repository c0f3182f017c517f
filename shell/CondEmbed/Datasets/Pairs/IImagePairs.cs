namespace CondEmbed.Datasets;

/// <summary>Two images of a data set by their numbers.</summary>
/// <param name="First">The one.</param>
/// <param name="Second">The other.</param>
public readonly record struct ImagePair(int First, int Second);

/// <summary>
/// Which images of a data set are alike where their classes do not say it: by several labels of each, or by marks of single pairs. A run then trains on these pairs, and
/// metrics count what they mark as alike. Used from several threads.
/// </summary>
public interface IImagePairs
{
    /// <summary>What makes two images alike, in words: <c>the same label in colour or shape</c>.</summary>
    string Rule { get; }

    /// <summary>
    /// Marks the pairs of an image with others: above 0 if they are alike, below 0 if they are not, 0 if a pair does not count. How far from 0 it is weighs a pair in training, 1 in the usual
    /// way. What the mark of the image with itself is does not matter.
    /// </summary>
    /// <param name="image">The number of the image.</param>
    /// <param name="others">The numbers of the others.</param>
    /// <param name="marks">Receives one mark for each of the others.</param>
    void Mark(int image, IReadOnlyList<int> others, Span<float> marks);

    /// <summary>Whether there are marks other than -1, 0 and 1, which weigh their pairs: not every loss takes them.</summary>
    bool HasWeights => false;

    /// <summary>Whether the image is in any pair that counts, as one without any label is not.</summary>
    bool IsInPairs(int image) => true;

    /// <summary>The pairs that are alike, each once, if they are known one by one: batches can then be made of them.</summary>
    IEnumerable<ImagePair> Alike => [];

    /// <summary>What the marks of an image follow from, as text: a run that goes on must find the same.</summary>
    string KeyOf(int image);
}

/// <summary>Further labels of the images, by which they are also measured.</summary>
/// <param name="Name">The name of their column.</param>
/// <param name="Pairs">Which images are alike by them.</param>
public sealed record LabelColumn(string Name, IImagePairs Pairs);

/// <summary>Questions to pairs.</summary>
internal static class ImagePairs
{
    /// <summary>Q images, R others -> Q R marks, row after row.</summary>
    internal static float[] Between(this IImagePairs pairs, IReadOnlyList<int> images, IReadOnlyList<int> others)
    {
        var marks = new float[images.Count * others.Count];
        for (var row = 0; row < images.Count; row++)
        {
            pairs.Mark(images[row], others, marks.AsSpan(row * others.Count, others.Count));
        }

        return marks;
    }

    /// <summary>Whether two images are alike.</summary>
    internal static bool AreAlike(this IImagePairs pairs, int image, int other)
    {
        Span<float> mark = stackalloc float[1];
        pairs.Mark(image, [other], mark);
        return mark[0] > 0;
    }

    /// <summary>Whether a query has something to find.</summary>
    internal static bool HasMatch(this IImagePairs pairs, IReadOnlyList<int> queries, IReadOnlyList<int> gallery)
    {
        var marks = new float[gallery.Count];
        return queries.Any(query =>
        {
            pairs.Mark(query, gallery, marks);
            return Enumerable.Range(0, gallery.Count).Any(item => marks[item] > 0 && gallery[item] != query);
        });
    }
}

/// <summary>The pairs among some images of a data set, by their new numbers.</summary>
internal sealed class PartOfPairs(IImagePairs whole, IReadOnlyList<int> images) : IImagePairs
{
    public string Rule => whole.Rule;

    public bool HasWeights => whole.HasWeights;

    public void Mark(int image, IReadOnlyList<int> others, Span<float> marks) => whole.Mark(images[image], [.. others.Select(other => images[other])], marks);

    public bool IsInPairs(int image) => whole.IsInPairs(images[image]);

    public string KeyOf(int image) => whole.KeyOf(images[image]);

    public IEnumerable<ImagePair> Alike
    {
        get
        {
            var places = images.Index().ToDictionary(image => image.Item, image => image.Index);
            return whole.Alike
                .Where(pair => places.ContainsKey(pair.First) && places.ContainsKey(pair.Second))
                .Select(pair => new ImagePair(places[pair.First], places[pair.Second]));
        }
    }
}
