using System.Text.Json.Serialization;
using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Models;
using CondEmbed.Reports;
using CondEmbed.Search;

namespace CondEmbed.Pairs;

/// <summary>An image of the gallery that was found.</summary>
/// <param name="Path">Its path.</param>
/// <param name="Label">Its class, or an empty string.</param>
/// <param name="Cosine">Its similarity to the query, -1 to 1.</param>
/// <param name="Conditional">The similarity by which it was re-ranked, -1 to 1; null if it was not.</param>
public sealed record Hit(
    string Path,
    string Label,
    double Cosine,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? Conditional = null);

/// <summary>A query and what was found for it, most similar first; where the nearest are re-ranked, these first in their new order.</summary>
/// <param name="Path">The query's path.</param>
/// <param name="Label">Its class, or an empty string.</param>
/// <param name="Hits">What was found.</param>
public sealed record Answer(string Path, string Label, IReadOnlyList<Hit> Hits);

/// <summary>Searches images that look alike: exact, by cosine.</summary>
public sealed class ImageSearch
{
    private const int ThumbnailSide = 128;
    private readonly IImageDataset queries;
    private readonly IImageDataset gallery;
    private readonly Neighbours<float> found;
    private readonly Neighbours<float>? first;
    private readonly int top;

    private ImageSearch(IImageDataset queries, IImageDataset gallery, int top, Neighbours<float> found, Neighbours<float>? first = null)
    {
        this.queries = queries;
        this.gallery = gallery;
        this.found = found;
        this.first = first;
        this.top = top;
        Answers = [.. Enumerable.Range(0, queries.Count).Select(AnswerTo)];
    }

    /// <summary>One result per query, in order.</summary>
    public IReadOnlyList<Answer> Answers { get; }

    /// <summary>Embeds both sets and finds the most similar images of the gallery for each query.</summary>
    /// <param name="model">The network.</param>
    /// <param name="gallery">The images to search in.</param>
    /// <param name="queries">The images to search for.</param>
    /// <param name="top">How many to find for each.</param>
    /// <param name="workers">Threads that read images; 0 for one per core.</param>
    /// <param name="progress">Called with the number of images of both sets embedded so far.</param>
    /// <param name="cancellationToken">Ends the search with an OperationCanceledException.</param>
    /// <exception cref="BadImageException">An image cannot be used.</exception>
    public static ImageSearch Run(
        IEmbeddingNetwork model,
        IImageDataset gallery,
        IImageDataset queries,
        int top,
        int workers = 0,
        IProgress<RunProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(gallery);
        ArgumentNullException.ThrowIfNull(queries);
        var (pass, tell) = (new EmbeddingPass(model, new LoaderOptions(workers)), progress.Phase("embedding", gallery.Count + queries.Count));
        var known = Embedded(gallery, 0);
        var asked = Embedded(queries, gallery.Count);
        return new ImageSearch(queries, gallery, top, NeighbourSearch.TopK(asked, known, top, excludeSelf: false, cancellationToken));

        Embeddings<float> Embedded(IImageDataset images, int before) =>
            pass.Embed(new ImageReader(images), [.. Enumerable.Range(0, images.Count)], done => tell(before + done), cancellationToken);
    }

    /// <summary>The same with the nearest re-ranked by the levels.</summary>
    /// <param name="model">The network with its levels.</param>
    /// <param name="gallery">The images to search in.</param>
    /// <param name="queries">The images to search for.</param>
    /// <param name="top">How many to find for each.</param>
    /// <param name="rerank">How many of the nearest to re-rank, and by what; this may be more or fewer than are found.</param>
    /// <param name="workers">Threads that read images; 0 for one per core.</param>
    /// <param name="progress">Called with the number of images of both sets embedded so far, and then of queries re-ranked.</param>
    /// <param name="cancellationToken">Ends the search with an OperationCanceledException.</param>
    /// <exception cref="BadImageException">An image cannot be used.</exception>
    public static ImageSearch Run(
        ConditionalModel model,
        IImageDataset gallery,
        IImageDataset queries,
        int top,
        RerankOptions rerank,
        int workers = 0,
        IProgress<RunProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(gallery);
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentNullException.ThrowIfNull(rerank);
        using var search = model.Search(rerank, workers);
        search.Embed(Images(queries), Images(gallery), progress.Phase("embedding", gallery.Count + queries.Count), cancellationToken);
        var first = search.Rerank(null, progress, cancellationToken);
        var found = NeighbourSearch.TopK(search.Queries, search.Gallery, Math.Max(top, first.K), excludeSelf: false, cancellationToken);
        return new ImageSearch(queries, gallery, top, found, first);

        static ImageAt[] Images(IImageDataset dataset)
        {
            var reader = new ImageReader(dataset);
            return [.. Enumerable.Range(0, dataset.Count).Select(item => new ImageAt(reader, item))];
        }
    }

    /// <summary>Writes the answers as one HTML file with the images in it.</summary>
    public void WriteHtml(string path, string title, IReadOnlyList<Fact> facts) =>
        SearchReport.Write(new SearchResults(title, facts, [.. Enumerable.Range(0, queries.Count).Select(RowOf)]), path);

    private Answer AnswerTo(int query) =>
        new(queries.Items[query].Path, queries.Items[query].Label, [.. Found(query).Select(hit => hit.Hit)]);

    /// <summary>The nearest, the first ones in their new order where they have one.</summary>
    private IEnumerable<(int Place, Hit Hit)> Found(int query)
    {
        var (places, cosines) = (found.Of(query).ToArray(), found.SimilaritiesOf(query).ToArray());
        int[] anew = first is null ? [] : first.Of(query).ToArray();
        double?[] scores = first is null ? [] : [.. first.SimilaritiesOf(query).ToArray().Select(score => (double?)score)];
        var cosineOf = places.Zip(cosines).ToDictionary(pair => pair.First, pair => pair.Second);
        return anew.Concat(places.Skip(anew.Length)).Take(top).Select((place, rank) =>
            (place, new Hit(gallery.Items[place].Path, gallery.Items[place].Label, cosineOf[place], scores.ElementAtOrDefault(rank))));
    }

    private RetrievalRow RowOf(int query)
    {
        var asked = queries.Items[query];
        var hits = Found(query).Select(found =>
            new Neighbour(
                ImageOf(gallery, found.Place), found.Hit.Label, found.Hit.Path, found.Hit.Cosine, IsRight(asked.Label, found.Hit.Label), found.Hit.Conditional));
        return new RetrievalRow(ImageOf(queries, query), asked.Label, asked.Path, [.. hits]);
    }

    /// <summary>Null if one of the two classes is unknown.</summary>
    private static bool? IsRight(string asked, string found) => asked.Length > 0 && found.Length > 0 ? asked == found : null;

    private static EncodedImage ImageOf(IImageDataset dataset, int item) =>
        Thumbnails.Of(new ImageReader(dataset).Read(item), ThumbnailSide);
}
