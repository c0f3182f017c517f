using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace CondEmbed.Search;

/// <content>Many images at once.</content>
public sealed partial class Embedder
{
    /// <summary>
    /// Embeds many image files. Returns one embedding of length 1 for each, in their order. The same batches are made each time, so that the numbers are the same to the bit.
    /// </summary>
    /// <param name="paths">The files.</param>
    /// <param name="progress">Called with the number of images embedded so far.</param>
    /// <param name="cancellationToken">Ends the work with an OperationCanceledException.</param>
    /// <exception cref="BadImageException">One of them does not exist, or is not an image that can be read.</exception>
    /// <exception cref="ObjectDisposedException">The embedder was disposed of.</exception>
    public Task<Embeddings<float>> EmbedAsync(
        IReadOnlyList<string> paths, IProgress<RunProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        Nulls.Demand(paths);
        return EmbedAsync(new PathSource(paths), progress, cancellationToken);
    }

    /// <summary>Embeds all images of a source, such as a data set. Returns one embedding of length 1 for each, in their order.</summary>
    /// <inheritdoc cref="EmbedAsync(IReadOnlyList{string}, IProgress{RunProgress}?, CancellationToken)"/>
    public Task<Embeddings<float>> EmbedAsync(IImageSource source, IProgress<RunProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        return OnOwnThread(() => Embed(source, progress, cancellationToken), cancellationToken);
    }

    /// <summary>Embeds all images of a source, such as a data set. Returns one embedding of length 1 for each, in their order.</summary>
    /// <inheritdoc cref="EmbedAsync(IReadOnlyList{string}, IProgress{RunProgress}?, CancellationToken)"/>
    public Embeddings<float> Embed(IImageSource source, IProgress<RunProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        return Telemetry.Embed.Run(() =>
        {
            var values = Embeddings<float>.Room(source.Count, Dimension);
            foreach (var (indices, rows) in Batches(source, null, progress, cancellationToken))
            {
                rows.CopyTo(values, indices[0] * Dimension);
            }

            return new Embeddings<float>(values, source.Count, Dimension);
        });
    }

    /// <summary>
    /// Embeds a possibly unbounded sequence of image files, in order. A few are read ahead; a file that is not an image is reported in place, and the sequence continues.
    /// </summary>
    /// <param name="paths">The files, as they come.</param>
    /// <param name="cancellationToken">Ends the work with an OperationCanceledException.</param>
    public async IAsyncEnumerable<EmbeddedImage> EmbedEachAsync(
        IAsyncEnumerable<string> paths, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(paths);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        // One batch goes through the network while the next is decoded.
        var ahead = Channel.CreateBounded<Task<EmbeddedImage>>(2 * BatchSize);
        var feeding = Feed(paths, ahead.Writer, stop.Token);
        try
        {
            await foreach (var next in ahead.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return await next.ConfigureAwait(false);
            }
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await feeding.ConfigureAwait(false);
        }
    }

    private async Task Feed(IAsyncEnumerable<string> paths, ChannelWriter<Task<EmbeddedImage>> ahead, CancellationToken stop)
    {
        try
        {
            await foreach (var path in paths.WithCancellation(stop).ConfigureAwait(false))
            {
                await ahead.WriteAsync(TryEmbed(path, stop), stop).ConfigureAwait(false);
            }

            ahead.Complete();
        }
        catch (Exception problem)
        {
            ahead.Complete(problem);
        }
    }

    /// <summary>The indices and rows of one batch after another; bad images are reported and left out, or thrown if there is no callback.</summary>
    internal IEnumerable<(int[] Indices, float[] Rows)> Batches(
        IImageSource source, Action<BadImage>? skipBad, IProgress<RunProgress>? progress, CancellationToken cancellationToken)
    {
        var loader = new BatchLoader(new ImageReader(source, decoder), new LoaderOptions(workers));
        var tell = progress.Phase("embedding", source.Count);

        foreach (var batch in loader.InOrder([.. Enumerable.Range(0, source.Count)], null, BatchSize, View, skipBad, cancellationToken))
        {
            using (batch)
            {
                var rows = queue.Batch(batch.Pixels, batch.Count, cancellationToken).GetAwaiter().GetResult();
                Telemetry.Images.Add(batch.Count);
                yield return (batch.Indices, rows);
            }

            tell(batch.Indices[^1] + 1);
        }
    }

    /// <summary>Work that waits for its own threads must not occupy one of the pool's.</summary>
    internal static Task<T> OnOwnThread<T>(Func<T> work, CancellationToken cancellationToken) =>
        Task.Factory.StartNew(work, cancellationToken, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);

    private async Task<EmbeddedImage> TryEmbed(string path, CancellationToken cancellationToken)
    {
        try
        {
            return new EmbeddedImage(path, await EmbedAsync(path, cancellationToken).ConfigureAwait(false), null);
        }
        catch (BadImageException bad)
        {
            return new EmbeddedImage(path, null, bad.Reason);
        }
    }
}
