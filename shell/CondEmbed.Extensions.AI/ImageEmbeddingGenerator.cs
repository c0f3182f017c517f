using CondEmbed.Images;
using Microsoft.Extensions.AI;

namespace CondEmbed.Extensions.AI;

/// <summary>Embeds the images that it is given as bytes. Of what it is asked for as a service it has its metadata and its embedder.</summary>
internal sealed class ImageEmbeddingGenerator : IEmbeddingGenerator<DataContent, Embedding<float>>, IAsyncDisposable
{
    private const int FingerprintShown = 12;

    private readonly Embedder embedder;
    private readonly bool isOwner;
    private readonly EmbeddingGeneratorMetadata metadata;

    internal ImageEmbeddingGenerator(Embedder embedder, string? modelId, bool isOwner)
    {
        (this.embedder, this.isOwner) = (embedder, isOwner);
        var name = modelId ?? "condembed-" + embedder.Fingerprint[..Math.Min(FingerprintShown, embedder.Fingerprint.Length)];
        metadata = new EmbeddingGeneratorMetadata("condembed", null, name, embedder.Dimension);
    }

    /// <inheritdoc/>
    /// <exception cref="BadImageException">One of them is not an image that can be read; the message has its name, or its number.</exception>
    /// <exception cref="ArgumentException">The options ask for another dimension or model.</exception>
    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<DataContent> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        DataContent[] all = [.. values ?? throw new ArgumentNullException(nameof(values))];
        Nulls.Demand(all, nameof(values));
        Demand(options);
        var images = new ContentSource(all);
        var rows = images.Count switch
        {
            0 => [],
            // One image joins the batch of other callers; many make batches of their own.
            1 => [await embedder.EmbedAsync(images.DataOf(0), images.NameOf(0), cancellationToken).ConfigureAwait(false)],
            _ => await Many(images, cancellationToken).ConfigureAwait(false),
        };
        var now = DateTimeOffset.UtcNow;
        return new(rows.Select(row => new Embedding<float>(row) { ModelId = metadata.DefaultModelId, CreatedAt = now }));
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null : new object[] { this, metadata, embedder }.FirstOrDefault(serviceType.IsInstanceOfType);
    }

    public void Dispose()
    {
        if (isOwner)
        {
            embedder.Dispose();
        }
    }

    public ValueTask DisposeAsync() => isOwner ? embedder.DisposeAsync() : ValueTask.CompletedTask;

    private void Demand(EmbeddingGenerationOptions? options)
    {
        if (options?.Dimensions is { } dimension && dimension != embedder.Dimension)
        {
            throw new ArgumentException($"{metadata.DefaultModelId} makes embeddings of {embedder.Dimension} numbers, not {dimension}; leave Dimensions out.", nameof(options));
        }

        if (options?.ModelId is { } model && model != metadata.DefaultModelId)
        {
            throw new ArgumentException($"this is the model {metadata.DefaultModelId}, not {model}; leave ModelId out.", nameof(options));
        }
    }

    private async Task<float[][]> Many(ContentSource images, CancellationToken cancellationToken)
    {
        var all = await embedder.EmbedAsync(images, cancellationToken: cancellationToken).ConfigureAwait(false);
        return [.. Enumerable.Range(0, all.Count).Select(number => all.Row(number).ToArray())];
    }

    private sealed class ContentSource(DataContent[] images) : IImageSource
    {
        public int Count => images.Length;

        public string NameOf(int index) => images[index].Name ?? $"image {index + 1}";

        public byte[] Read(int index) => DataOf(index).ToArray();

        public long LengthOf(int index) => DataOf(index).Length;

        internal ReadOnlyMemory<byte> DataOf(int index) => images[index].Data;
    }
}
