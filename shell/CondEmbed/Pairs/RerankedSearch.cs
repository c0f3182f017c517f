using System.Diagnostics;
using CondEmbed.Evaluation;
using CondEmbed.Models;
using CondEmbed.Search;

namespace CondEmbed.Pairs;

/// <summary>Embeds queries and gallery, finds the K nearest of each query, and re-ranks them by the levels, timing each step.</summary>
internal sealed class RerankedSearch : IDisposable
{
    private readonly RerankOptions options;
    private readonly ComparisonPass pass;
    private readonly Stopwatch embedding = new();
    private readonly Stopwatch search = new();
    private readonly Stopwatch reranking = new();
    private IReadOnlyList<ImageAt> asked = [];
    private IReadOnlyList<ImageAt> searched = [];
    private int images;

    internal RerankedSearch(Session session, EvalTransform view, RerankOptions options, LoaderOptions workers)
    {
        options.Check();
        this.options = options;
        pass = new ComparisonPass(session, view, workers, options.Memory);
    }

    /// <summary>Q D.</summary>
    internal Embeddings<float> Queries { get; private set; } = null!;

    /// <summary>G D; the same object if all search among all.</summary>
    internal Embeddings<float> Gallery { get; private set; } = null!;

    internal RerankCost Cost =>
        new(images, asked.Count, embedding.Elapsed, search.Elapsed, reranking.Elapsed, pass.BytesPerImage, pass.EmbeddedAgain);

    internal void Embed(IReadOnlyList<ImageAt> queries, IReadOnlyList<ImageAt> gallery, Action<int>? progress, CancellationToken cancellationToken)
    {
        (asked, searched) = (queries, gallery);
        ImageAt[] all = [.. gallery.Concat(queries).Distinct()];
        var row = all.Index().ToDictionary(pair => pair.Item, pair => pair.Index);
        images = all.Length;
        embedding.Start();
        var embeddings = pass.Embed(all, progress, cancellationToken);
        embedding.Stop();
        Gallery = Rows(gallery);
        Queries = queries.SequenceEqual(gallery) ? Gallery : Rows(queries);

        Embeddings<float> Rows(IReadOnlyList<ImageAt> some) => embeddings.Chosen([.. some.Select(image => row[image])]);
    }

    /// <summary>The K nearest of each query by rising rank, with the similarities that they are ranked by.</summary>
    /// <param name="self">For each query its own index in the gallery, which is excluded, or -1; null if there are none.</param>
    /// <param name="listener">Called with the number of queries done so far.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    internal Neighbours<float> Rerank(IReadOnlyList<int>? self, IProgress<RunProgress>? listener, CancellationToken cancellationToken)
    {
        search.Start();
        var candidates = Reranking.Candidates(Queries, Gallery, options.K, self, cancellationToken);
        search.Stop();
        reranking.Start();
        var found = pass.Compare(asked, searched, candidates.Items, listener.Phase("re-ranking", asked.Count), cancellationToken);
        float Mean(int pair) => found.Average(level => level[pair]);
        var scores = options.By == PairScore.Last ? found[^1] : [.. Enumerable.Range(0, candidates.Items.Length).Select(Mean)];
        var order = Reranking.Reorder(candidates, scores);
        reranking.Stop();
        return order;
    }

    public void Dispose() => pass.Dispose();
}
