#pragma warning disable IDISP007 // Who takes the lock of a file hands it over to the store.
namespace CondEmbed.Search;

/// <content>Several programs that fill one file in turns, each while it writes.</content>
public sealed partial class IndexFileStore
{
    private (long Length, DateTime Written) seen;

    /// <summary>As <see cref="OpenOrCreate(string, StoreNetwork, bool)"/>, and waits for a store that is writing.</summary>
    internal static async Task<IndexFileStore> OpenOrCreateAsync(string path, StoreNetwork network, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(network);
        AtomicFile.Check(path);
        return OpenOrCreate(path, network, false, await FillingLock.TakeAsync(path, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Lets others fill the file until <see cref="ResumeAsync"/>. This store can be searched meanwhile, and has what it had.</summary>
    internal void Release()
    {
        lock (gate)
        {
            seen = StampOf(Name);
            filling?.Dispose();
            filling = null;
        }
    }

    /// <summary>Takes the right to fill the file again, and reads what others have made of it meanwhile.</summary>
    /// <exception cref="InputException">Another store keeps it, or has made it one of another network.</exception>
    internal async Task ResumeAsync(CancellationToken cancellationToken)
    {
        var taken = await FillingLock.TakeAsync(Name, cancellationToken).ConfigureAwait(false);
        lock (gate)
        {
            if (disposed)
            {
                taken.Dispose();
                throw new ObjectDisposedException(nameof(IndexFileStore));
            }

            filling?.Dispose();
            filling = taken;
            if (StampOf(Name) != seen)
            {
                Reread();
            }
        }
    }

    private void Reread()
    {
        using var file = File.Exists(Name) ? ImageIndex.Load(Name, check: true) : null;
        if (file is not null)
        {
            new StoreNetwork(file.Fingerprint, file.Dimension).DemandSame(Network, Name, "choose another file");
        }

        var items = file?.Items ?? [];
        foreach (var gone in index.Items.Select(item => item.Id).Except(items.Select(item => item.Id), StringComparer.Ordinal))
        {
            index.Remove(gone);
        }

        foreach (var item in items)
        {
            index.Set(item, file!.EmbeddingOf(item.Id));
        }

        index.HasCodes |= file?.HasCodes == true;
        // One that was removed is written anew.
        changed = file is null;
        places = Places(index);
    }

    private static (long Length, DateTime Written) StampOf(string path)
    {
        var file = new FileInfo(path);
        return file.Exists ? (file.Length, file.LastWriteTimeUtc) : default;
    }
}
