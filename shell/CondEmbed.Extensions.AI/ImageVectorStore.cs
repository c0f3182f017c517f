using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.VectorData;

namespace CondEmbed.Extensions.AI;

/// <summary>
/// Index files or tables of PostgreSQL as Microsoft.Extensions.VectorData knows them: each is a collection of a record class of the application's, searched by cosine. Records have one key (a
/// text, Guid, int or long), one vector, and any data; the text that is marked as indexed is the label, by which searches can be filtered. What it cannot do, it refuses with a NotSupportedException.
/// </summary>
public sealed class ImageVectorStore : VectorStore
{
    private readonly IVectorStores stores;
    private readonly StoreNetwork network;
    private readonly IEmbeddingGenerator<DataContent, Embedding<float>>? generator;
    private readonly ConcurrentDictionary<string, OpenedStore> opened = new(StringComparer.Ordinal);
    private readonly VectorStoreMetadata metadata;
    private volatile bool disposed;

    /// <summary>The stores of a place, for the embeddings of an embedder, which also embeds images that are searched for or stored as such.</summary>
    /// <param name="stores">An <see cref="IndexFolder"/>, or a <c>PostgresDatabase</c>.</param>
    /// <param name="embedder">The embedder, which stays its owner's.</param>
    public ImageVectorStore(IVectorStores stores, Embedder embedder)
        : this(stores, NetworkOf(embedder), embedder.AsIEmbeddingGenerator())
    {
    }

    /// <summary>The stores of a place, for the embeddings of a network.</summary>
    /// <param name="stores">An <see cref="IndexFolder"/>, or a <c>PostgresDatabase</c>.</param>
    /// <param name="network">Whose embeddings they hold.</param>
    /// <param name="generator">Embeds images that are searched for or stored as such; null where all come as vectors.</param>
    public ImageVectorStore(IVectorStores stores, StoreNetwork network, IEmbeddingGenerator<DataContent, Embedding<float>>? generator = null)
    {
        ArgumentNullException.ThrowIfNull(stores);
        ArgumentNullException.ThrowIfNull(network);
        (this.stores, this.network, this.generator) = (stores, network, generator);
        metadata = new VectorStoreMetadata { VectorStoreSystemName = "condembed", VectorStoreName = stores.Name };
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The record's vector, or the definition's, has another number of dimensions than the network's embeddings.</exception>
    /// <exception cref="NotSupportedException">The record class has what cannot be stored; the message says what.</exception>
    public override VectorStoreCollection<TKey, TRecord> GetCollection<TKey, TRecord>(string name, VectorStoreCollectionDefinition? definition = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return new ImageVectorCollection<TKey, TRecord>(name, stores, Opened(name), new RecordShape<TKey, TRecord>(definition, network.Dimension), generator);
    }

    /// <inheritdoc/>
    public override VectorStoreCollection<object, Dictionary<string, object?>> GetDynamicCollection(string name, VectorStoreCollectionDefinition definition) =>
        throw new NotSupportedException("collections of dictionaries are not supported; write a record class, and ask for GetCollection<TKey, TRecord>.");

    /// <inheritdoc/>
    public override async IAsyncEnumerable<string> ListCollectionNamesAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        foreach (var name in await stores.Named(null, "ListCollectionNames", () => stores.NamesAsync(cancellationToken)).ConfigureAwait(false))
        {
            yield return name;
        }
    }

    /// <inheritdoc/>
    public override async Task<bool> CollectionExistsAsync(string name, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        ArgumentException.ThrowIfNullOrEmpty(name);
        return (await stores.Named(name, "CollectionExists", () => stores.NamesAsync(cancellationToken)).ConfigureAwait(false)).Contains(name);
    }

    /// <inheritdoc/>
    public override Task EnsureCollectionDeletedAsync(string name, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return stores.Named(name, "DeleteCollection", () => Opened(name).RemoveAsync(cancellationToken));
    }

    /// <inheritdoc/>
    public override object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null : new object?[] { this, metadata, generator, stores }.FirstOrDefault(serviceType.IsInstanceOfType);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            disposed = true;
            foreach (var store in opened.Values)
            {
                store.DisposeAsync().AsTask().GetAwaiter().GetResult();
            }

            opened.Clear();
        }

        base.Dispose(disposing);
    }

    private static StoreNetwork NetworkOf(Embedder embedder)
    {
        ArgumentNullException.ThrowIfNull(embedder);
        return new StoreNetwork(embedder.Fingerprint, embedder.Dimension);
    }

    // All collections of one name share it, since a file has one that fills it at a time.
    private OpenedStore Opened(string name)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        return opened.GetOrAdd(name, _ => new OpenedStore(stores, name, network));
    }
}
