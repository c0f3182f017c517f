using System.Diagnostics;

#pragma warning disable IDISP007 // Who takes the lock of a file hands it over to the store.
namespace CondEmbed.Search;

/// <summary>
/// Embeddings in one file, as <see cref="ImageIndex"/> keeps them: a store without a server, always searched exactly. One program at a time fills it, with all of it in
/// memory; another one is refused until the first has closed it or has ended for any reason. Any number of programs may search it, and see the file as it was when
/// they opened it. Between processes of one machine this holds on every disk, between machines on shared disks that keep locks. An item's id is the image's, its label the document <c>{"path":...,"label":...}</c>.
/// </summary>
/// <remarks>
/// The whole file is rewritten each time, so while it is being filled that happens only now and then: what was embedded since is lost if the program is
/// killed, about half a minute's work. Disposing and completing write it too.
/// </remarks>
public sealed partial class IndexFileStore : IVectorStore
{
    /// <summary>What the names of such files end with.</summary>
    public const string Extension = ".index";

    /// <summary>Files as a kind of store.</summary>
    public static StoreKind Kind { get; } = new(
        "a file NAME.index",
        address => address.EndsWith(Extension, StringComparison.OrdinalIgnoreCase) && !address.Contains("://", StringComparison.Ordinal),
        (address, _) => Task.FromResult<IVectorStore>(Open(address)),
        (address, network, codes, _) => Task.FromResult<IVectorStore>(OpenOrCreate(address, network, codes)))
    {
        TakesCodes = true,
    };

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(30);

    private readonly Lock gate = new();
    private readonly ImageIndex index;
    private FillingLock? filling;
    private Lazy<Dictionary<string, StorePlace>> places;
    private readonly Stopwatch sinceSaved = Stopwatch.StartNew();
    private TimeSpan saving = TimeSpan.Zero;
    private bool changed;
    private bool disposed;

    private IndexFileStore(string path, ImageIndex index, FillingLock? filling)
    {
        Name = path;
        this.index = index;
        this.filling = filling;
        places = Places(index);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public StoreNetwork Network => new(index.Fingerprint, index.Dimension);

    /// <summary>Opens a file to search it.</summary>
    /// <exception cref="InputException">The file does not exist, or is not an index.</exception>
    public static IndexFileStore Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return File.Exists(path)
            // Windows does not let an open file be replaced, so nobody could fill it meanwhile.
            ? new IndexFileStore(path, OperatingSystem.IsWindows() ? InMemory(path) : ImageIndex.Load(path), null)
            : throw new InputException($"{path}: no such file; create it with {Wording.Of("IndexFileStore.OpenOrCreate, or with StoreIndexer of the package CondEmbed", $"'condembed index RUN IMAGES --store {path}'")}");
    }

    /// <summary>Opens a file to fill it, creating it if it does not exist.</summary>
    /// <param name="path">The file.</param>
    /// <param name="network">The network whose embeddings it stores.</param>
    /// <param name="codes">Whether it gets codes, as <see cref="ImageIndex.HasCodes"/> tells; one that has them keeps them.</param>
    /// <exception cref="InputException">It belongs to another network, or it cannot be written.</exception>
    /// <exception cref="StoreBusyException">Another store or program is filling it.</exception>
    public static IndexFileStore OpenOrCreate(string path, StoreNetwork network, bool codes = false)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(network);
        AtomicFile.Check(path);
        return OpenOrCreate(path, network, codes, FillingLock.Take(path));
    }

    private static IndexFileStore OpenOrCreate(string path, StoreNetwork network, bool codes, FillingLock filling)
    {
        ImageIndex? index = null;
        try
        {
            index = File.Exists(path) ? InMemory(path) : new ImageIndex(network.Dimension, network.Fingerprint);
            new StoreNetwork(index.Fingerprint, index.Dimension).DemandSame(network, path, "choose another file");
            var wanted = codes && !index.HasCodes;
            index.HasCodes |= codes;
            return new IndexFileStore(path, index, filling) { changed = wanted || !File.Exists(path) };
        }
        catch
        {
            index?.Dispose();
            filling.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Task<IReadOnlySet<string>> KnownAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken = default)
    {
        Nulls.Demand(ids);
        return Task.FromResult<IReadOnlySet<string>>(ids.Where(index.Contains).ToHashSet(StringComparer.Ordinal));
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<StoreItem>> GetAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken = default)
    {
        Nulls.Demand(ids);
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            return Task.FromResult<IReadOnlyList<StoreItem>>(
                [
                    .. from id in ids.Distinct(StringComparer.Ordinal)
                       where places.Value.ContainsKey(id)
                       let place = places.Value[id]
                       select new StoreItem(id, place.Path, place.Label, index.EmbeddingOf(id)),
                ]);
        }
    }

    /// <inheritdoc/>
    public Task UpsertAsync(IReadOnlyList<StoreItem> items, CancellationToken cancellationToken = default)
    {
        Nulls.Demand(items);
        foreach (var item in items)
        {
            item.Demand(index.Dimension);
        }

        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            foreach (var item in items)
            {
                Set(new StorePlace(item.Id, item.Path, item.Label), item.Embedding.Span);
            }

            if (changed && sinceSaved.Elapsed > Pause + (10 * saving))
            {
                Save();
            }
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<long> PlaceAsync(IReadOnlyList<StorePlace> places, CancellationToken cancellationToken = default)
    {
        Nulls.Demand(places);
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            var count = 0L;
            foreach (var place in places)
            {
                if (this.places.Value.TryGetValue(place.Id, out var old) && old != place && index.EmbeddingOf(place.Id) is { } embedding)
                {
                    Set(place, embedding);
                    count++;
                }
            }

            return Task.FromResult(count);
        }
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<StoreHit>> SearchAsync(ReadOnlyMemory<float> embedding, StoreQuery? query = null, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        query ??= new StoreQuery();
        ArgumentOutOfRangeException.ThrowIfLessThan(query.Top, 1, "query.Top");
        GivenVector.Demand(embedding.Span, index.Dimension, "store", nameof(embedding));
        Func<IndexItem, bool>? wanted = query.Label is { } label ? item => StorePlace.Of(item).Label == label : null;
        var hits = index.Search(embedding.Span, query.Top, wanted, cancellationToken)
            .Select(hit => (Place: StorePlace.Of(new IndexItem(hit.Id, hit.Label)), hit.Similarity))
            .Select(hit => new StoreHit(hit.Place.Id, hit.Place.Path, hit.Place.Label, hit.Similarity));
        return Task.FromResult<IReadOnlyList<StoreHit>>([.. hits]);
    }

    /// <inheritdoc/>
    public Task<long> CountAsync(CancellationToken cancellationToken = default) => Task.FromResult<long>(index.Count);

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> LabelsAsync(int most, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        return Task.FromResult<IReadOnlyList<string>>(
            [.. index.Items.Select(item => StorePlace.Of(item).Label).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Take(most)]);
    }

    /// <inheritdoc/>
    public Task<long> RemoveAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken = default)
    {
        Nulls.Demand(ids);
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            long removed = ids.Count(id => places.Value.Remove(id) && index.Remove(id));
            changed |= removed > 0;
            return Task.FromResult(removed);
        }
    }

    /// <summary>Writes the file.</summary>
    public Task CompleteAsync(CancellationToken cancellationToken = default)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            Save();
        }

        return Task.CompletedTask;
    }

    /// <summary>Writes the file if anything was added, and lets others fill it.</summary>
    public ValueTask DisposeAsync()
    {
        lock (gate)
        {
            if (disposed)
            {
                return ValueTask.CompletedTask;
            }

            disposed = true;
            try
            {
                Save();
            }
            finally
            {
                index.Dispose();
                filling?.Dispose();
                filling = null;
            }
        }

        return ValueTask.CompletedTask;
    }

    // Only changes are written, so that a second load leaves the file as it is.
    private void Set(StorePlace place, ReadOnlySpan<float> embedding)
    {
        var unit = new float[index.Dimension];
        _ = Embeddings<float>.ScaleToUnit(embedding, unit);
        if (places.Value.TryGetValue(place.Id, out var old) && old == place && index.EmbeddingOf(place.Id).AsSpan().SequenceEqual(unit))
        {
            return;
        }

        index.Set(place.ToIndexItem(), embedding);
        places.Value[place.Id] = place;
        changed = true;
    }

    private void Save()
    {
        if (filling is null || !changed)
        {
            return;
        }

        var watch = Stopwatch.StartNew();
        index.Save(Name);
        (changed, saving) = (false, watch.Elapsed);
        sinceSaved.Restart();
    }

    private static Lazy<Dictionary<string, StorePlace>> Places(ImageIndex index) =>
        new(() => index.Items.ToDictionary(item => item.Id, StorePlace.Of, StringComparer.Ordinal));

    private static ImageIndex InMemory(string path)
    {
        using var file = ImageIndex.Load(path, check: true);
        var index = new ImageIndex(file.Dimension, file.Fingerprint) { HasCodes = file.HasCodes };
        foreach (var item in file.Items)
        {
            index.Add(item, file.EmbeddingOf(item.Id));
        }

        return index;
    }
}
