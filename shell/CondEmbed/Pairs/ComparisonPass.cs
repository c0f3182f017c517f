using CondEmbed.Models;
using CondEmbed.Search;

namespace CondEmbed.Pairs;

/// <summary>An image by its index in a source.</summary>
internal readonly record struct ImageAt(ImageReader Reader, int Item);

/// <summary>
/// Compares many pairs of images. If the keys and values of all images fit into memory, each image goes through the encoder once; otherwise the
/// queries are taken in blocks of half of what fits, and for each block the images that it needs go through the encoder again, as many at a time as fit
/// besides it.
/// </summary>
/// <param name="session">A network with its levels.</param>
/// <param name="view">What the network sees of an image.</param>
/// <param name="options">Threads that read images.</param>
/// <param name="memory">Bytes for the keys and values of images; at least two images are held.</param>
internal sealed class ComparisonPass(Session session, EvalTransform view, LoaderOptions options, long memory) : IDisposable
{
    private const int BatchSize = 64;

    private readonly Comparer comparer = session.Comparer();
    private readonly Dictionary<ImageAt, int> places = [];
    private KnownImages? held;
    private int needed;

    /// <summary>The keys and values of one image, in bytes.</summary>
    internal long BytesPerImage { get; private set; }

    /// <summary>Images that went through the encoder again.</summary>
    internal long EmbeddedAgain { get; private set; }

    private bool HoldsAll => held is not null && held.Count >= needed;

    /// <summary>N images, each once -> N D, each row of length 1. They are the ones that can then be compared.</summary>
    internal Embeddings<float> Embed(IReadOnlyList<ImageAt> images, Action<int>? progress = null, CancellationToken cancellationToken = default)
    {
        var values = new float[images.Count * session.Dimension];
        var done = 0;
        Forget();
        needed = images.Count;

        foreach (var batch in Read(images, cancellationToken))
        {
            using (batch)
            {
                held ??= Room(batch);
                batch.Embeddings().CopyTo(values, done * session.Dimension);

                if (HoldsAll)
                {
                    Put(batch, done, images);
                }

                done += batch.Count;
            }

            progress?.Invoke(done);
        }

        return new Embeddings<float>(values, images.Count, session.Dimension);
    }

    /// <summary>
    /// The similarities of each query to its candidates: L+1 rows of Q K, in the order of the candidates.
    /// </summary>
    /// <param name="queries">Q of the images that were embedded.</param>
    /// <param name="gallery">G of them.</param>
    /// <param name="candidates">Q K places in the gallery, row after row.</param>
    /// <param name="progress">Called with the number of queries done so far.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    internal float[][] Compare(
        IReadOnlyList<ImageAt> queries,
        IReadOnlyList<ImageAt> gallery,
        IReadOnlyList<int> candidates,
        Action<int>? progress = null,
        CancellationToken cancellationToken = default)
    {
        var similarities = Enumerable.Range(0, comparer.Levels + 1).Select(_ => new float[candidates.Count]).ToArray();
        var k = queries.Count == 0 ? 0 : candidates.Count / queries.Count;
        progress?.Invoke(0);
        var size = HoldsAll || held is null ? BatchSize : Math.Max(1, held.Count / 2);

        foreach (var block in Enumerable.Range(0, queries.Count).Chunk(size))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var open = block.SelectMany(query => Enumerable.Range(query * k, k)).ToList();
            var first = Hold([.. block.Select(query => queries[query])], 0, cancellationToken);
            Answer();

            foreach (var part in open.Select(pair => gallery[candidates[pair]]).Distinct().ToArray().Chunk(Math.Max(1, (held?.Count ?? 1) - first)))
            {
                Hold(part, first, cancellationToken);
                Answer();
            }

            progress?.Invoke(block[^1] + 1);

            void Answer()
            {
                var ready = open.FindAll(pair => places.ContainsKey(gallery[candidates[pair]]));
                open.RemoveAll(pair => places.ContainsKey(gallery[candidates[pair]]));
                var found = comparer.Similarities(
                    held, [.. ready.Select(pair => places[queries[pair / k]])], [.. ready.Select(pair => places[gallery[candidates[pair]]])]);

                for (var level = 0; level < found.Length; level++)
                {
                    for (var i = 0; i < ready.Count; i++)
                    {
                        similarities[level][ready[i]] = found[level][i];
                    }
                }
            }
        }

        return similarities;
    }

    /// <inheritdoc />
    public void Dispose() => Forget();

    private void Forget()
    {
        ((IDisposable?)held)?.Dispose();
        held = null;
        places.Clear();
    }

    private KnownImages Room(KnownImages batch)
    {
        BytesPerImage = batch.Bytes / batch.Count;
        return batch.Room((int)Math.Min(needed, Math.Max(2, memory / Math.Max(1, BytesPerImage))));
    }

    /// <summary>Puts images into consecutive slots unless they all have one, and returns the first free slot after them.</summary>
    private int Hold(IReadOnlyList<ImageAt> images, int start, CancellationToken cancellationToken)
    {
        if (HoldsAll)
        {
            return held!.Count;
        }

        ImageAt[] each = [.. images.Distinct()];

        foreach (var gone in places.Where(pair => pair.Value >= start).Select(pair => pair.Key).ToArray())
        {
            places.Remove(gone);
        }

        var done = start;

        foreach (var batch in Read(each, cancellationToken))
        {
            using (batch)
            {
                Put(batch, done, each, start);
                done += batch.Count;
            }
        }

        EmbeddedAgain += each.Length;
        return done;
    }

    private void Put(KnownImages batch, int place, IReadOnlyList<ImageAt> images, int start = 0)
    {
        held!.Put(place, batch);

        for (var i = 0; i < batch.Count; i++)
        {
            places[images[place - start + i]] = place + i;
        }
    }

    private IEnumerable<KnownImages> Read(IReadOnlyList<ImageAt> images, CancellationToken cancellationToken)
    {
        for (var start = 0; start < images.Count;)
        {
            var reader = images[start].Reader;
            int[] items = [.. images.Skip(start).TakeWhile(image => image.Reader == reader).Select(image => image.Item)];
            start += items.Length;

            foreach (var batch in new BatchLoader(reader, options).InOrder(items, null, EmbeddingPass.AtOnce(session.Config), view, cancellationToken: cancellationToken))
            {
                using (batch)
                {
                    yield return comparer.Read(batch.Pixels, batch.Count, batch.Size);
                }
            }
        }
    }
}
