using CondEmbed.Search;

namespace CondEmbed.Extensions.AI;

/// <summary>
/// A store that is opened when it is first used: to search it, and once more, to fill it, when that is first wanted. So a program that only searches never keeps another one from filling.
/// </summary>
internal sealed class OpenedStore(IVectorStores stores, string name, StoreNetwork network) : IAsyncDisposable
{
    private readonly SemaphoreSlim alone = new(1);
    private IVectorStore? reader;
    private IVectorStore? writer;

    /// <summary>The store to read from.</summary>
    internal async Task<IVectorStore> ReaderAsync(CancellationToken cancellation)
    {
        await alone.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return writer ?? (reader ??= await Opened(cancellation).ConfigureAwait(false));
        }
        finally
        {
            alone.Release();
        }
    }

    /// <summary>The store to write to, created if it does not exist.</summary>
    internal async Task<IVectorStore> WriterAsync(CancellationToken cancellation)
    {
        await alone.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            // Somebody may still be reading from the reader, so it is closed at the end.
            return writer ??= await stores.OpenOrCreateAsync(name, network, cancellation).ConfigureAwait(false);
        }
        finally
        {
            alone.Release();
        }
    }

    /// <summary>Closes the store and removes it with all that is in it.</summary>
    internal async Task RemoveAsync(CancellationToken cancellation)
    {
        await alone.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            await Close().ConfigureAwait(false);
            await stores.RemoveAsync(name, cancellation).ConfigureAwait(false);
        }
        finally
        {
            alone.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Close().ConfigureAwait(false);
        alone.Dispose();
    }

    private async Task<IVectorStore> Opened(CancellationToken cancellation)
    {
        var found = await stores.OpenAsync(name, cancellation).ConfigureAwait(false);
        try
        {
            found.Network.DemandSame(network, found.Name, "choose another name");
            return found;
        }
        catch
        {
            await found.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task Close()
    {
        foreach (var store in new[] { reader, writer })
        {
            await (store?.DisposeAsync() ?? ValueTask.CompletedTask).ConfigureAwait(false);
        }

        (reader, writer) = (null, null);
    }
}
