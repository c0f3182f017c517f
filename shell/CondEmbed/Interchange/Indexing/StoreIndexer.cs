using System.Diagnostics;
using CondEmbed.Datasets;
using CondEmbed.Search;

namespace CondEmbed.Interchange;

/// <summary>How images are added to a store.</summary>
/// <param name="Block">Images that are written at once, as a whole or not at all.</param>
/// <param name="Workers">Threads that read images; 0 for one per core.</param>
/// <param name="Again">Whether images already in the store are embedded again.</param>
/// <param name="Label">The class of all images, instead of what the data says.</param>
/// <param name="SkipBad">Told of each image that cannot be used, which is then left out; null throws instead.</param>
public sealed record IndexOptions(int Block = 512, int Workers = 0, bool Again = false, string? Label = null, Action<BadImage>? SkipBad = null)
{
    /// <summary>The settings of the run, by their names, for the manifest of shards; null for none.</summary>
    public IReadOnlyDictionary<string, string>? Settings { get; init; }
}

/// <summary>The result of filling a store.</summary>
/// <param name="Embedded">Images that were embedded, or loaded from shards, and written.</param>
/// <param name="Known">Images that were already in the store.</param>
/// <param name="Renamed">Of these, those whose path or label changed.</param>
/// <param name="Same">Images with the same content as an earlier one, which has the row.</param>
/// <param name="Bad">Images that cannot be used and were left out.</param>
/// <param name="Elapsed">How long it took.</param>
public sealed record IndexSummary(long Embedded, long Known, long Renamed, long Same, long Bad, TimeSpan Elapsed);

/// <summary>
/// Adds images to a store block by block. Images already there are not embedded again, so that an interrupted load continues where it was, and a
/// second one changes nothing.
/// </summary>
public sealed class StoreIndexer
{
    private const string Phase = "indexing";

    // An image's id, shortened so that a whole catalogue fits into memory: collisions are not expected below some 10^18 images.
    private readonly HashSet<UInt128> met = [];
    private readonly IVectorStore store;
    private readonly IndexOptions options;
    private readonly IProgress<RunProgress>? progress;
    private readonly Stopwatch watch = Stopwatch.StartNew();
    private IndexSummary summary = new(0, 0, 0, 0, 0, TimeSpan.Zero);

    private StoreIndexer(IVectorStore store, IndexOptions? options, IProgress<RunProgress>? progress)
    {
        ArgumentNullException.ThrowIfNull(store);
        this.store = store;
        this.options = options ?? new IndexOptions();
        this.progress = progress;
        ArgumentOutOfRangeException.ThrowIfLessThan(this.options.Block, 1, nameof(options));
    }

    /// <summary>Decodes the images that are not in the store, so that bad ones are found before anything is written.</summary>
    /// <exception cref="InputException">The store cannot be read.</exception>
    public static async Task<ImageCheck> CheckAsync(
        IImageDataset dataset,
        IVectorStore store,
        IndexOptions? options = null,
        IProgress<RunProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(store);
        options ??= new IndexOptions();
        var (reader, tell, bad) = (new ImageReader(dataset), progress.Phase("checking images", dataset.Count), new List<BadImage>());
        foreach (var items in Enumerable.Range(0, dataset.Count).Chunk(options.Block))
        {
            var block = new ImageBlock(dataset, items, options.Workers, (problem, item) => bad.Add(new BadImage(item, problem.Name, problem.Reason)), cancellationToken);
            var known = options.Again ? new HashSet<string>() : await store.KnownAsync([.. block.Images.Select(image => image.Id)], cancellationToken).ConfigureAwait(false);
            int[] missing = [.. block.Images.Where(image => !known.Contains(image.Id)).Select(image => image.Item)];
            bad.AddRange(ImageCheck.Run(reader, missing, options.Workers, null, cancellationToken).Bad);
            tell(items[^1] + 1);
        }

        return new ImageCheck(dataset.Count, [.. bad.OrderBy(image => image.Index)]);
    }

    /// <summary>Embeds the images that are not in the store, and writes them.</summary>
    /// <exception cref="BadImageException">An image cannot be used and bad images are not skipped; the blocks before it are in the store.</exception>
    /// <exception cref="InputException">The store contains another network's embeddings, or cannot be written.</exception>
    public static async Task<IndexSummary> RunAsync(
        IEmbeddingNetwork network,
        IImageDataset dataset,
        IVectorStore store,
        IndexOptions? options = null,
        IProgress<RunProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(dataset);
        var indexer = new StoreIndexer(store, options, progress);
        store.Network.DemandSame(StoreNetwork.Of(network), store.Name, "choose another store");
        for (var first = 0; first < dataset.Count; first += indexer.options.Block)
        {
            int[] items = [.. Enumerable.Range(first, Math.Min(indexer.options.Block, dataset.Count - first))];
            var block = new ImageBlock(dataset, items, indexer.options.Workers, indexer.Skip, cancellationToken);
            await indexer.Add(block.Places(indexer.options.Label), ids => block.Embed(network, ids, indexer.Skip, cancellationToken), cancellationToken).ConfigureAwait(false);
            indexer.Report(first + items.Length, dataset.Count);
        }

        return await indexer.Complete(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Writes the embeddings of shards, except those already in the store.</summary>
    /// <exception cref="InputException">The store contains another network's embeddings, or cannot be written.</exception>
    public static async Task<IndexSummary> LoadAsync(
        EmbeddingShards shards,
        IVectorStore store,
        IndexOptions? options = null,
        IProgress<RunProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(shards);
        var indexer = new StoreIndexer(store, options, progress);
        store.Network.DemandSame(shards.Network, store.Name, "choose another store");
        var done = 0;
        foreach (var block in shards.Items().Chunk(indexer.options.Block))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var byId = block.GroupBy(item => item.Id, StringComparer.Ordinal).ToDictionary(same => same.Key, same => same.First(), StringComparer.Ordinal);
            var places = block.Select(item => new StorePlace(item.Id, item.Path, indexer.options.Label ?? item.Label));
            await indexer.Add([.. places], ids => ids.ToDictionary(id => id, id => byId[id].Embedding, StringComparer.Ordinal), cancellationToken).ConfigureAwait(false);
            done += block.Length;
            indexer.Report(done, shards.Count);
        }

        return await indexer.Complete(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Writes one block: the first image with each content gets the row.</summary>
    private async Task Add(
        IReadOnlyList<StorePlace> places, Func<IReadOnlyList<string>, IReadOnlyDictionary<string, ReadOnlyMemory<float>>> embed, CancellationToken cancellationToken)
    {
        List<StorePlace> firsts = [.. places.Where(place => met.Add(Short(place.Id)))];
        var known = options.Again ? new HashSet<string>() : await store.KnownAsync([.. firsts.Select(place => place.Id)], cancellationToken).ConfigureAwait(false);
        List<StorePlace> there = [.. firsts.Where(place => known.Contains(place.Id))];
        List<StorePlace> missing = [.. firsts.Where(place => !known.Contains(place.Id))];
        var renamed = there.Count == 0 ? 0 : await store.PlaceAsync(there, cancellationToken).ConfigureAwait(false);
        var embeddings = embed([.. missing.Select(place => place.Id)]);
        var items = missing.Where(place => embeddings.ContainsKey(place.Id)).Select(place => new StoreItem(place.Id, place.Path, place.Label, embeddings[place.Id]));
        await store.UpsertAsync([.. items], cancellationToken).ConfigureAwait(false);
        summary = summary with
        {
            Embedded = summary.Embedded + embeddings.Count,
            Known = summary.Known + there.Count,
            Renamed = summary.Renamed + renamed,
            Same = summary.Same + places.Count - firsts.Count,
        };
    }

    private async Task<IndexSummary> Complete(CancellationToken cancellationToken)
    {
        progress?.Report(new RunProgress("making the search index", 0, 1));
        await store.CompleteAsync(cancellationToken).ConfigureAwait(false);
        progress?.Report(new RunProgress("making the search index", 1, 1) { Elapsed = watch.Elapsed });
        return summary with { Elapsed = watch.Elapsed };
    }

    private void Report(long done, long total) => progress?.Report(RunProgress.Of(Phase, (int)done, (int)total, watch.Elapsed));

    private void Skip(BadImageException bad, int item)
    {
        if (options.SkipBad is null)
        {
            throw new BadImageException(bad.Name, bad.Reason);
        }

        options.SkipBad(new BadImage(item, bad.Name, bad.Reason));
        summary = summary with { Bad = summary.Bad + 1 };
    }

    private static UInt128 Short(string id) => UInt128.Parse(id.AsSpan(0, 32), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
