using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Images;
using CondEmbed.Reports;
using CondEmbed.Training;

namespace CondEmbed.Serving;

/// <summary>A picture of the gallery that was found.</summary>
/// <param name="Path">Its path.</param>
/// <param name="Label">Its class, or an empty text.</param>
/// <param name="Cosine">Its similarity to the query, -1 to 1.</param>
public sealed record Hit(string Path, string Label, double Cosine);

/// <summary>A query and what was found for it, most similar first.</summary>
/// <param name="Path">The query's path.</param>
/// <param name="Label">Its class, or an empty text.</param>
/// <param name="Hits">What was found.</param>
public sealed record Answer(string Path, string Label, IReadOnlyList<Hit> Hits);

/// <summary>Searches pictures that look alike: exact, by cosine.</summary>
public sealed class PictureSearch
{
    private const int ThumbnailSide = 128;
    private readonly IImageDataset queries;
    private readonly IImageDataset gallery;
    private readonly Neighbours<float> found;

    private PictureSearch(IImageDataset queries, IImageDataset gallery, Neighbours<float> found)
    {
        this.queries = queries;
        this.gallery = gallery;
        this.found = found;
        Answers = [.. Enumerable.Range(0, queries.Count).Select(AnswerTo)];
    }

    /// <summary>One answer a query, in the order of the queries.</summary>
    public IReadOnlyList<Answer> Answers { get; }

    /// <summary>Embeds both sets and finds the most similar pictures of the gallery for each query.</summary>
    /// <param name="model">The network.</param>
    /// <param name="gallery">The pictures to search in.</param>
    /// <param name="queries">The pictures to search for.</param>
    /// <param name="top">How many to find for each.</param>
    /// <param name="workers">Threads that read pictures; 0 for one a core.</param>
    /// <param name="progress">Told how many pictures of both sets are embedded.</param>
    /// <param name="cancellation">Ends the search with an OperationCanceledException.</param>
    /// <exception cref="BadPictureException">A picture cannot be used.</exception>
    public static PictureSearch Run(
        EmbeddingModel model,
        IImageDataset gallery,
        IImageDataset queries,
        int top,
        int workers = 0,
        Action<int>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(gallery);
        ArgumentNullException.ThrowIfNull(queries);
        var known = model.Embed(gallery, workers, progress, cancellation);
        var asked = model.Embed(queries, workers, done => progress?.Invoke(gallery.Count + done), cancellation);
        return new PictureSearch(queries, gallery, NeighbourSearch.TopK(asked, known, top, excludeSelf: false, cancellation));
    }

    /// <summary>Writes the answers as one HTML file with the pictures in it.</summary>
    public void WriteHtml(string path, string title, IReadOnlyList<Fact> facts) =>
        SearchReport.Write(new SearchResults(title, facts, [.. Enumerable.Range(0, queries.Count).Select(RowOf)]), path);

    private Answer AnswerTo(int query) =>
        new(queries.Items[query].Path, queries.Items[query].Label, [.. Found(query).Select(hit => new Hit(hit.Item.Path, hit.Item.Label, hit.Cosine))]);

    private IEnumerable<(int Place, ImageItem Item, double Cosine)> Found(int query) =>
        found.Of(query).ToArray().Zip(found.SimilaritiesOf(query).ToArray(), (place, cosine) => (place, gallery.Items[place], (double)cosine));

    private RetrievalRow RowOf(int query)
    {
        var asked = queries.Items[query];
        var hits = Found(query).Select(hit =>
            new Neighbour(PictureOf(gallery, hit.Place), hit.Item.Label, hit.Item.Path, hit.Cosine, IsRight(asked.Label, hit.Item.Label)));
        return new RetrievalRow(PictureOf(queries, query), asked.Label, asked.Path, [.. hits]);
    }

    /// <summary>Nothing where one of the two classes is not known.</summary>
    private static bool? IsRight(string asked, string found) => asked.Length > 0 && found.Length > 0 ? asked == found : null;

    private static Picture PictureOf(IImageDataset dataset, int item) =>
        Thumbnails.Of(new PictureReader(dataset).Read(item), ThumbnailSide);
}
