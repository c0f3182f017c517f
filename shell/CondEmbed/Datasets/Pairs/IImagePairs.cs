namespace CondEmbed.Datasets;

/// <summary>
/// Which images of a data set are alike where their classes do not say it: by several labels of each, or by marks of single pairs. A run then trains on these pairs, and
/// metrics count what they mark as alike. Used from several threads.
/// </summary>
public interface IImagePairs
{
    /// <summary>What makes two images alike, in words: <c>the same label in colour or shape</c>.</summary>
    string Rule { get; }

    /// <summary>Marks the pairs of an image with others: above 0 if they are alike, below 0 if they are not, 0 if a pair does not count. What the mark of the image with itself is does not matter.</summary>
    /// <param name="image">The number of the image.</param>
    /// <param name="others">The numbers of the others.</param>
    /// <param name="marks">Receives one mark for each of the others.</param>
    void Mark(int image, IReadOnlyList<int> others, Span<sbyte> marks);

    /// <summary>Whether the image is in any pair that counts, as one without any label is not.</summary>
    bool IsInPairs(int image) => true;

    /// <summary>The pairs that are alike, each once, if they are known one by one: batches can then be made of them.</summary>
    IEnumerable<(int First, int Second)> Alike => [];

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
    /// <summary>B images -> B B marks, row after row.</summary>
    internal static sbyte[] Among(this IImagePairs pairs, IReadOnlyList<int> images)
    {
        var marks = new sbyte[images.Count * images.Count];
        for (var row = 0; row < images.Count; row++)
        {
            pairs.Mark(images[row], images, marks.AsSpan(row * images.Count, images.Count));
        }

        return marks;
    }

    /// <summary>Whether two images are alike.</summary>
    internal static bool AreAlike(this IImagePairs pairs, int image, int other)
    {
        Span<sbyte> mark = stackalloc sbyte[1];
        pairs.Mark(image, [other], mark);
        return mark[0] > 0;
    }

    /// <summary>Whether a query has something to find.</summary>
    internal static bool HasMatch(this IImagePairs pairs, IReadOnlyList<int> queries, IReadOnlyList<int> gallery)
    {
        var marks = new sbyte[gallery.Count];
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

    public void Mark(int image, IReadOnlyList<int> others, Span<sbyte> marks) => whole.Mark(images[image], [.. others.Select(other => images[other])], marks);

    public bool IsInPairs(int image) => whole.IsInPairs(images[image]);

    public string KeyOf(int image) => whole.KeyOf(images[image]);

    public IEnumerable<(int First, int Second)> Alike
    {
        get
        {
            var places = images.Index().ToDictionary(image => image.Item, image => image.Index);
            return whole.Alike
                .Where(pair => places.ContainsKey(pair.First) && places.ContainsKey(pair.Second))
                .Select(pair => (places[pair.First], places[pair.Second]));
        }
    }
}
