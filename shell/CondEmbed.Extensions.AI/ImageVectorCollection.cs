using System.Linq.Expressions;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.VectorData;

namespace CondEmbed.Extensions.AI;

/// <summary>One store as a collection of records. It need not be disposed of: the <see cref="ImageVectorStore"/> closes what it opened.</summary>
internal sealed class ImageVectorCollection<TKey, TRecord>(
    string name, IVectorStores stores, OpenedStore opened, RecordShape<TKey, TRecord> shape, IEmbeddingGenerator<DataContent, Embedding<float>>? generator)
    : VectorStoreCollection<TKey, TRecord>
    where TKey : notnull
    where TRecord : class
{
    private readonly RecordText<TKey, TRecord> text = new(shape);
    private readonly VectorStoreCollectionMetadata metadata = new() { VectorStoreSystemName = "condembed", VectorStoreName = stores.Name, CollectionName = name };

    public override string Name => name;

    public override async Task<bool> CollectionExistsAsync(CancellationToken cancellationToken = default)
    {
        opened.Demand();
        return (await Named("CollectionExists", () => stores.NamesAsync(cancellationToken)).ConfigureAwait(false)).Contains(name);
    }

    // One that is there is only opened to be read, which needs no lock and tells whether it is of another network.
    public override Task EnsureCollectionExistsAsync(CancellationToken cancellationToken = default) =>
        Named("CreateCollection", async () =>
            await ((await stores.NamesAsync(cancellationToken).ConfigureAwait(false)).Contains(name)
                ? opened.ReaderAsync(cancellationToken)
                : opened.WriteAsync(_ => Task.CompletedTask, cancellationToken)).ConfigureAwait(false));

    public override Task EnsureCollectionDeletedAsync(CancellationToken cancellationToken = default) =>
        stores.Named(name, "DeleteCollection", () => opened.RemoveAsync(cancellationToken));

    public override async Task<TRecord?> GetAsync(TKey key, RecordRetrievalOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(key);
        var withVector = options?.IncludeVectors == true;
        DemandVectors(withVector);
        var items = await Named("Get", async () => await (await opened.ReaderAsync(cancellationToken).ConfigureAwait(false))
            .GetAsync([IdOf(key)], cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
        return items is [var item] ? text.RecordOf(item.Id, item.Path, item.Label, withVector ? item.Embedding : default(ReadOnlyMemory<float>?)) : null;
    }

    public override IAsyncEnumerable<TRecord> GetAsync(
        Expression<Func<TRecord, bool>> filter, int top, FilteredRecordRetrievalOptions<TRecord>? options = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException("records cannot be listed by a filter: get them by their keys, or search with the filter.");

    public override Task DeleteAsync(TKey key, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(key);
        return DeleteAsync([key], cancellationToken);
    }

    public override Task DeleteAsync(IEnumerable<TKey> keys, CancellationToken cancellationToken = default)
    {
        TKey[] all = [.. keys ?? throw new ArgumentNullException(nameof(keys))];
        Nulls.Demand(all, nameof(keys));
        string[] ids = [.. all.Select(IdOf)];
        return Named("Delete", () => opened.WriteAsync(store => store.RemoveAsync(ids, cancellationToken), cancellationToken));
    }

    public override Task UpsertAsync(TRecord record, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(record);
        return UpsertAsync([record], cancellationToken);
    }

    public override async Task UpsertAsync(IEnumerable<TRecord> records, CancellationToken cancellationToken = default)
    {
        TRecord[] all = [.. records ?? throw new ArgumentNullException(nameof(records))];
        Nulls.Demand(all, nameof(records));
        if (all.Length > 0)
        {
            string[] names = [.. all.Select(text.NameOf)];
            var vectors = await VectorsOf([.. all.Zip(names, Given)], cancellationToken).ConfigureAwait(false);
            await Named("Upsert", () =>
            {
                StoreItem[] items = [.. all.Index().Select(one => text.ItemOf(one.Item, UnitOf(vectors[one.Index], names[one.Index])))];
                return opened.WriteAsync(store => store.UpsertAsync(items, cancellationToken), cancellationToken);
            }).ConfigureAwait(false);
        }
    }

    public override async IAsyncEnumerable<VectorSearchResult<TRecord>> SearchAsync<TInput>(
        TInput searchValue, int top, VectorSearchOptions<TRecord>? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(searchValue);
        options ??= new VectorSearchOptions<TRecord>();
        ArgumentOutOfRangeException.ThrowIfLessThan(top, 1);
        DemandVectors(options.IncludeVectors);
        var label = LabelFilter.Of(options.Filter, shape.Label?.Name);
        var query = (await VectorsOf([searchValue], cancellationToken).ConfigureAwait(false))[0];
        GivenVector.Demand(query.Span, shape.Dimension, "collection", nameof(searchValue));
        var (hits, vectors) = await Named("Search", async () =>
        {
            var store = await opened.ReaderAsync(cancellationToken).ConfigureAwait(false);
            var found = await store.SearchAsync(query, new StoreQuery((int)Math.Min((long)options.Skip + top, int.MaxValue), label), cancellationToken).ConfigureAwait(false);
            List<StoreHit> wanted = [.. found.Skip(options.Skip).Where(hit => !(hit.Cosine < options.ScoreThreshold))];
            var items = options.IncludeVectors ? await store.GetAsync([.. wanted.Select(hit => hit.Id)], cancellationToken).ConfigureAwait(false) : [];
            return (wanted, items.ToDictionary(item => item.Id, item => item.Embedding));
        }).ConfigureAwait(false);
        foreach (var hit in hits)
        {
            var vector = vectors.TryGetValue(hit.Id, out var numbers) ? numbers : default(ReadOnlyMemory<float>?);
            yield return new VectorSearchResult<TRecord>(text.RecordOf(hit.Id, hit.Path, hit.Label, vector), hit.Cosine);
        }
    }

    public override object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null : new object?[] { this, metadata, generator, stores }.FirstOrDefault(serviceType.IsInstanceOfType);
    }

    private static string IdOf(TKey key) => RecordShape<TKey, TRecord>.IdOf(RecordShape<TKey, TRecord>.TextOf(key));

    private Task<T> Named<T>(string operation, Func<Task<T>> work) => stores.Named(name, operation, work);

    private Task Named(string operation, Func<Task> work) => stores.Named(name, operation, work);

    private void DemandVectors(bool included)
    {
        if (included && shape.Vector.PropertyType == typeof(DataContent))
        {
            throw new NotSupportedException($"{shape.Vector.Name} of {typeof(TRecord).Name} is an image, which is not stored; leave IncludeVectors out.");
        }
    }

    /// <summary>What a record has as its vector. An image without a name gets the record's, by which messages call it.</summary>
    private object Given(TRecord record, string name) => shape.Vector.GetValue(record) switch
    {
        null => throw Lacking(name),
        DataContent { Name: null } image => new DataContent(image.Data, image.MediaType) { Name = name, AdditionalProperties = image.AdditionalProperties },
        var given => given,
    };

    /// <summary>A record's vector as stores keep it.</summary>
    private ReadOnlyMemory<float> UnitOf(ReadOnlyMemory<float> vector, string name)
    {
        if (vector.IsEmpty)
        {
            throw Lacking(name);
        }

        StoreItem.Demand(vector.Span, shape.Dimension, name);
        return GivenVector.Unit(vector.Span, shape.Dimension, "collection", shape.Vector.Name);
    }

    private ArgumentException Lacking(string name) => new($"{name} has no vector; set {shape.Vector.Name}.");

    /// <summary>What is given as vectors as it is, images embedded together.</summary>
    private async Task<ReadOnlyMemory<float>[]> VectorsOf(object[] values, CancellationToken cancellationToken)
    {
        if (!values.Any(value => value is DataContent))
        {
            return [.. values.Select(VectorOf)];
        }

        var embeddings = generator is null
            ? throw new NotSupportedException("images can be searched for and stored only where there is an embedder; give one to ImageVectorStore, or give vectors.")
            : await generator.GenerateAsync(values.Cast<DataContent>(), null, cancellationToken).ConfigureAwait(false);
        return [.. embeddings.Select(embedding => embedding.Vector)];
    }

    private static ReadOnlyMemory<float> VectorOf(object value) => value switch
    {
        ReadOnlyMemory<float> vector => vector,
        float[] numbers => numbers,
        Embedding<float> embedding => embedding.Vector,
        _ => throw new NotSupportedException($"{value.GetType().Name} is neither a vector (ReadOnlyMemory<float>, float[], Embedding<float>) nor an image; give the bytes of one as new DataContent(bytes, \"image/jpeg\")."),
    };
}
