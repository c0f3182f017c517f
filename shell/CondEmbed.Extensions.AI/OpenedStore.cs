namespace CondEmbed.Extensions.AI;

/// <summary>
/// A store that is opened when it is first used: to search it, and once more, to fill it, when that is first wanted. A file is kept from others only while it is being written, so that
/// several programs fill it in turns.
/// </summary>
internal sealed class OpenedStore(IVectorStores stores, string name, StoreNetwork network) : IAsyncDisposable
{
    private readonly SemaphoreSlim alone = new(1);
    private readonly SemaphoreSlim writing = new(1);
    private IVectorStore? reader;
    private volatile IVectorStore? writer;
    private volatile bool disposed;

    /// <summary>The store to read from.</summary>
    /// <exception cref="InputException">There is none, or it is of another network.</exception>
    internal async Task<IVectorStore> ReaderAsync(CancellationToken cancellationToken)
    {
        Demand();
        await alone.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return writer ?? (reader ??= await Opened(cancellationToken).ConfigureAwait(false));
        }
        finally
        {
            alone.Release();
        }
    }

    /// <summary>Writes to the store, which is created if it does not exist, and makes it complete.</summary>
    internal async Task WriteAsync(Func<IVectorStore, Task> write, CancellationToken cancellationToken)
    {
        Demand();
        await writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var store = await Writer(cancellationToken).ConfigureAwait(false);
            try
            {
                await write(store).ConfigureAwait(false);
                await store.CompleteAsync(cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                (store as IndexFileStore)?.Release();
            }
        }
        finally
        {
            writing.Release();
        }
    }

    /// <summary>Closes the store and removes it with all that is in it.</summary>
    internal async Task RemoveAsync(CancellationToken cancellationToken)
    {
        Demand();
        await writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await alone.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                await Close().ConfigureAwait(false);
                await stores.RemoveAsync(name, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                alone.Release();
            }
        }
        finally
        {
            writing.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        disposed = true;
        await Close().ConfigureAwait(false);
        alone.Dispose();
        writing.Dispose();
    }

    /// <summary>Demands that the store, of which all collections are, was not disposed of.</summary>
    internal void Demand()
    {
        if (disposed)
        {
            throw new ObjectDisposedException(nameof(ImageVectorStore));
        }
    }

    private async Task<IVectorStore> Writer(CancellationToken cancellationToken)
    {
        if (writer is IndexFileStore file)
        {
            await file.ResumeAsync(cancellationToken).ConfigureAwait(false);
            return file;
        }

        // Somebody may still be reading from the reader, so it is closed at the end.
        return writer ??= await stores.OpenOrCreateAsync(name, network, cancellationToken).ConfigureAwait(false);
    }

    private async Task<IVectorStore> Opened(CancellationToken cancellationToken)
    {
        if (!(await stores.NamesAsync(cancellationToken).ConfigureAwait(false)).Contains(name))
        {
            throw new InputException($"{stores.Name}: there is no collection '{name}'. Create it with EnsureCollectionExistsAsync, or put records into it with UpsertAsync.");
        }

        var found = await stores.OpenAsync(name, cancellationToken).ConfigureAwait(false);
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
