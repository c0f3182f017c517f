using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace CondEmbed.Search;

/// <summary>
/// Embeds images from any number of threads with one network: callers decode and resample on their own threads, and what they ask for at the same time
/// goes through the network as one batch. An image's numbers do not depend on the other images except for rounding (about 1e-7).
/// </summary>
public sealed partial class Embedder : IDisposable, IAsyncDisposable
{
    private readonly EmbeddingQueue queue;
    private readonly IImageDecoder decoder;
    private readonly int workers;
    private readonly ILogger logger;

    /// <summary>Takes over a network, which no one else may use any more; it is disposed of with the embedder.</summary>
    /// <param name="network">The network.</param>
    /// <param name="options">Batch size, threads, decoder.</param>
    public Embedder(IEmbeddingNetwork network, EmbedderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(network);
        options ??= new EmbedderOptions();
        ArgumentOutOfRangeException.ThrowIfNegative(options.BatchSize);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Workers);
        decoder = options.Decoder is null or SkiaDecoder
            ? (options.Decoder as SkiaDecoder ?? new SkiaDecoder()) with { Background = network.View.Background }
            : options.Decoder;
        workers = options.Workers;
        logger = options.Logger ?? NullLogger.Instance;
        (Dimension, View, Fingerprint) = (network.Dimension, network.View, network.Fingerprint);
        BatchSize = options.BatchSize > 0 ? options.BatchSize : network.BatchSize;
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(BatchSize, nameof(network));
        queue = new EmbeddingQueue(network, BatchSize);
        logger.LogInformation("Embeddings of {Dimension} numbers by the network {Fingerprint}, up to {BatchSize} images at once", Dimension, Fingerprint, BatchSize);
    }

    /// <summary>Images that wait for a batch.</summary>
    internal int Waiting => queue.Waiting;

    /// <summary>How many numbers an embedding has.</summary>
    public int Dimension { get; }

    /// <summary>What the network sees of an image: how it is resized and cropped.</summary>
    public EvalTransform View { get; }

    /// <summary>The most images that go through the network at once.</summary>
    public int BatchSize { get; }

    /// <summary>Identifies the network: embeddings are comparable only if it is the same.</summary>
    public string Fingerprint { get; }

    /// <summary>Embeds one image file. Returns <see cref="Dimension"/> numbers, a vector of length 1, so that the dot product of two embeddings is their cosine.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="BadImageException">The file does not exist, or is not an image that can be read.</exception>
    /// <exception cref="ObjectDisposedException">The embedder was disposed of.</exception>
    public float[] Embed(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Wait(() => Pixels(Named(() => ImageFile.Read(path)), path));
    }

    /// <summary>Embeds one encoded image (JPEG, PNG, WebP, BMP, GIF). Returns <see cref="Dimension"/> numbers, a vector of length 1.</summary>
    /// <param name="image">The bytes of its file.</param>
    /// <param name="name">Its name in messages.</param>
    /// <exception cref="BadImageException">It is not an image that can be read.</exception>
    /// <exception cref="ObjectDisposedException">The embedder was disposed of.</exception>
    public float[] Embed(ReadOnlyMemory<byte> image, string name = "image")
    {
        ArgumentNullException.ThrowIfNull(name);
        return Wait(() => Pixels(image, name));
    }

    /// <summary>Embeds one encoded image, read to the end of a stream. Returns <see cref="Dimension"/> numbers, a vector of length 1.</summary>
    /// <param name="image">The stream, which stays open.</param>
    /// <param name="name">Its name in messages.</param>
    /// <exception cref="BadImageException">It is not an image that can be read.</exception>
    /// <exception cref="ObjectDisposedException">The embedder was disposed of.</exception>
    public float[] Embed(Stream image, string name = "image")
    {
        ArgumentNullException.ThrowIfNull(image);
        return Embed(image.ToEnd(), name);
    }

    /// <summary>Embeds one decoded image. Returns <see cref="Dimension"/> numbers, a vector of length 1.</summary>
    /// <param name="image">The image.</param>
    /// <exception cref="ObjectDisposedException">The embedder was disposed of.</exception>
    public float[] Embed(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Wait(() => View.Apply(image).Pixels);
    }

    /// <summary>Embeds one image file. Returns <see cref="Dimension"/> numbers, a vector of length 1.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Ends the wait with an OperationCanceledException.</param>
    /// <exception cref="BadImageException">The file does not exist, or is not an image that can be read.</exception>
    /// <exception cref="ObjectDisposedException">The embedder was disposed of.</exception>
    public async Task<float[]> EmbedAsync(string path, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        byte[] file;
        try
        {
            file = await ImageFile.ReadAsync(path, cancellationToken).ConfigureAwait(false);
        }
        catch (BadImageException bad)
        {
            Note(bad);
            throw;
        }

        return await EmbedAsync(file, path, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Embeds one encoded image, read to the end of a stream. Returns <see cref="Dimension"/> numbers, a vector of length 1.</summary>
    /// <param name="image">The stream, such as an upload; it stays open.</param>
    /// <param name="name">Its name in messages.</param>
    /// <param name="cancellationToken">Ends the wait with an OperationCanceledException.</param>
    /// <exception cref="BadImageException">It is not an image that can be read.</exception>
    /// <exception cref="ObjectDisposedException">The embedder was disposed of.</exception>
    public async Task<float[]> EmbedAsync(Stream image, string name = "image", CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        using var bytes = new MemoryStream();
        await image.CopyToAsync(bytes, cancellationToken).ConfigureAwait(false);
        return await EmbedAsync(bytes.ToArray(), name, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Embeds one encoded image (JPEG, PNG, WebP, BMP, GIF). Returns <see cref="Dimension"/> numbers, a vector of length 1.</summary>
    /// <param name="image">The bytes of its file.</param>
    /// <param name="name">Its name in messages.</param>
    /// <param name="cancellationToken">Ends the wait with an OperationCanceledException.</param>
    /// <exception cref="BadImageException">It is not an image that can be read.</exception>
    /// <exception cref="ObjectDisposedException">The embedder was disposed of.</exception>
    public Task<float[]> EmbedAsync(ReadOnlyMemory<byte> image, string name = "image", CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        return OnPool(() => Pixels(image, name), cancellationToken);
    }

    /// <summary>Embeds one decoded image. Returns <see cref="Dimension"/> numbers, a vector of length 1.</summary>
    /// <param name="image">The image.</param>
    /// <param name="cancellationToken">Ends the wait with an OperationCanceledException.</param>
    /// <exception cref="ObjectDisposedException">The embedder was disposed of.</exception>
    public Task<float[]> EmbedAsync(RgbImage image, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        return OnPool(() => View.Apply(image).Pixels, cancellationToken);
    }

    /// <summary>Lets the current batch finish, ends all other calls with an ObjectDisposedException, and disposes the network.</summary>
    public void Dispose() => queue.Dispose();

    /// <summary>The same as <see cref="Dispose"/>, without holding a thread while the current batch finishes.</summary>
    public ValueTask DisposeAsync() => queue.DisposeAsync();

    // The caller's thread may be one that must not be blocked, such as a UI thread.
    private Task<float[]> OnPool(Func<byte[]> pixels, CancellationToken cancellationToken) =>
        Telemetry.Embed.RunAsync(async () =>
        {
            var view = await Task.Run(pixels, cancellationToken).ConfigureAwait(false);
            return Counted(await queue.One(view, cancellationToken).WaitAsync(cancellationToken).ConfigureAwait(false));
        });

    private float[] Wait(Func<byte[]> pixels) =>
        Telemetry.Embed.Run(() => Counted(queue.One(pixels(), CancellationToken.None).GetAwaiter().GetResult()));

    private static float[] Counted(float[] embedding)
    {
        Telemetry.Images.Add(1);
        return embedding;
    }

    private byte[] Pixels(ReadOnlyMemory<byte> file, string name)
    {
        using var loan = DecodeMemory.Begin();
        return View.Apply(Named(() => Telemetry.Decode.Run(() => decoder.Decode(file, name)))).Pixels;
    }

    /// <summary>Notes an image that cannot be read.</summary>
    private T Named<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (BadImageException bad)
        {
            Note(bad);
            throw;
        }
    }

    private void Note(BadImageException bad)
    {
        Telemetry.BadImages.Add(1);
        logger.LogWarning("{Image}: {Reason}", bad.Name, bad.Reason);
    }
}
