using System.Diagnostics;
using CondEmbed.Common;
using CondEmbed.Datasets;
using CondEmbed.Images;
using CondEmbed.Models;
using CondEmbed.Pairs;
using CondEmbed.Search;

namespace CondEmbed.Sample;

/// <summary>What was found for an image.</summary>
/// <param name="Hits">The nearest, most similar first.</param>
/// <param name="Milliseconds">How long it took to embed the image and to search.</param>
internal sealed record SearchAnswer(IReadOnlyList<IndexHit> Hits, double Milliseconds);

/// <summary>Where a level attends in two images, as images for the page.</summary>
/// <param name="Similarity">How alike the level finds them.</param>
/// <param name="Query">The heat map over the query.</param>
/// <param name="Hit">The same over what was found.</param>
internal sealed record LevelAnswer(double Similarity, string Query, string Hit);

/// <summary>Why an image was found.</summary>
/// <param name="Similarity">The cosine of the two embeddings, which the search goes by.</param>
/// <param name="Query">The query as the network sees it.</param>
/// <param name="Hit">The same of what was found.</param>
/// <param name="Levels">Each level's part.</param>
internal sealed record WhyAnswer(double Similarity, string Query, string Hit, IReadOnlyList<LevelAnswer> Levels);

/// <summary>A gallery of images, its index, and the network that searches it and explains what it found. Safe on any thread.</summary>
internal sealed class ImageFinder : IDisposable
{
    private const int Top = 12;
    private const int Side = 320;
    private readonly IImageDataset gallery;
    private readonly Dictionary<string, int> numberOf;
    private readonly Embedder embedder;
    private readonly ImageIndex index;
    private readonly ConditionalModel? comparing;
    private readonly SemaphoreSlim comparingAlone = new(1);
    private readonly SkiaDecoder decoder = new();

    private ImageFinder(IImageDataset gallery, Embedder embedder, ImageIndex index, ConditionalModel? comparing)
    {
        (this.gallery, this.embedder, this.index, this.comparing) = (gallery, embedder, index, comparing);
        numberOf = gallery.Items.Index().ToDictionary(item => item.Item.Path, item => item.Index);
    }

    public int Levels => comparing?.Levels ?? 0;

    public string Description =>
        $"{Readable.Count(index.Count)} images, embeddings of {embedder.Dimension} numbers, {Levels switch { 0 => "no levels", 1 => "1 level", var many => $"{many} levels" }}";

    /// <summary>Loads a run's network, with its levels if it has any, and embeds a folder of images or the bundled emoji.</summary>
    public static async Task<ImageFinder> OpenAsync(string run, string? folder, IProgress<RunProgress> progress, CancellationToken cancellationToken)
    {
        IImageDataset gallery = folder is null ? EmojiDataset.Open() : ImageDatasets.OpenImages(folder);
        var model = EmbeddingModel.Load(run);
        // The levels have a network of their own: the embedder's belongs to its thread.
        var comparing = model.Settings.Core.Levels > 0 ? ConditionalModel.Load(run) : null;
        var embedder = model.ToEmbedder();
        var index = new ImageIndex(embedder.Dimension, embedder.Fingerprint);
        await index.AddAsync(embedder, gallery, number => new IndexItem(gallery.Items[number].Path, gallery.Items[number].Label), Skip, progress, cancellationToken);
        return new ImageFinder(gallery, embedder, index, comparing);

        static void Skip(BadImage bad) => Console.WriteLine($"left out: {bad.Name}: {bad.Reason}");
    }

    /// <summary>Some random images of the gallery to start with.</summary>
    public IReadOnlyList<IndexItem> Some(int count)
    {
        var items = index.Items.ToArray();
        Random.Shared.Shuffle(items);
        return items[..Math.Min(count, items.Length)];
    }

    /// <summary>The file of an image of the gallery; null if there is none.</summary>
    public byte[]? FileOf(string id) => numberOf.TryGetValue(id, out var number) ? gallery.Read(number) : null;

    /// <summary>The nearest images.</summary>
    public async Task<SearchAnswer> FindAsync(ReadOnlyMemory<byte> image, string name, string? without, CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();
        var query = await embedder.EmbedAsync(image, name, cancellationToken);
        var hits = index.Search(query, Top + 1, cancellationToken).Where(hit => hit.Id != without).Take(Top);
        return new SearchAnswer([.. hits], watch.Elapsed.TotalMilliseconds);
    }

    /// <summary>Why an image of the gallery is found or not; null if there is no such image, or no level to explain it.</summary>
    public async Task<WhyAnswer?> ExplainAsync(ReadOnlyMemory<byte> image, string name, string id, CancellationToken cancellationToken)
    {
        if (comparing is null || FileOf(id) is not { } file)
        {
            return null;
        }

        await comparingAlone.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(() => AnswerOf(comparing.Explain(decoder.Decode(image, name), decoder.Decode(file, id))), cancellationToken);
        }
        finally
        {
            comparingAlone.Release();
        }
    }

    public void Dispose()
    {
        embedder.Dispose();
        index.Dispose();
        comparing?.Dispose();
        comparingAlone.Dispose();
    }

    private static WhyAnswer AnswerOf(PairExplanation pair)
    {
        var (query, hit) = (Enlarged(pair.First), Enlarged(pair.Second));
        var levels = pair.Levels.Zip(pair.Similarity.Levels, (look, similarity) => new LevelAnswer(
            similarity,
            ImageEncoder.DataUri(HeatMap.Over(query, look.FirstMean, look.Rows, look.Columns)),
            ImageEncoder.DataUri(HeatMap.Over(hit, look.SecondMean, look.Rows, look.Columns))));
        return new WhyAnswer(pair.Similarity.Unconditional, ImageEncoder.DataUri(query), ImageEncoder.DataUri(hit), [.. levels]);
    }

    private static RgbImage Enlarged(RgbImage view) => Resampler.Resize(view, Side, Side, ResampleFilter.Bicubic);
}
