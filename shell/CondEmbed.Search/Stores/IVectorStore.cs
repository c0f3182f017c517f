namespace CondEmbed.Search;

/// <summary>
/// Embeddings of one network, kept by the content of their pictures: one row a picture, whatever it is called and however often it is added. A block
/// that is written is there as a whole or not at all. All methods may be called from several threads. Whether several processes may fill one store at once is for each
/// kind of store to say: PostgreSQL lets them, a file has one that fills it at a time.
/// </summary>
public interface IVectorStore : IAsyncDisposable
{
    /// <summary>Where it is, for people; never with a password.</summary>
    string Name { get; }

    /// <summary>Whose embeddings it keeps.</summary>
    StoreNetwork Network { get; }

    /// <summary>Which of these pictures are there.</summary>
    /// <param name="ids">As <see cref="PictureId"/> makes them.</param>
    /// <param name="cancellation">Ends the call with an OperationCanceledException.</param>
    Task<IReadOnlySet<string>> KnownAsync(IReadOnlyCollection<string> ids, CancellationToken cancellation = default);

    /// <summary>Writes pictures, in place of what was there under their ids; of two with one id, the later counts.</summary>
    /// <exception cref="ArgumentException">An embedding is not of the store's dimension, or an id is none.</exception>
    /// <exception cref="Common.InputException">An embedding holds NaN or infinity, or the store cannot be written.</exception>
    Task UpsertAsync(IReadOnlyList<StoreItem> items, CancellationToken cancellation = default);

    /// <summary>Gives pictures that are there another path and label; passes over those that are not. Writes only what changes, and tells how many do.</summary>
    Task<long> PlaceAsync(IReadOnlyList<StorePlace> places, CancellationToken cancellation = default);

    /// <summary>The pictures most similar to a query, most similar first.</summary>
    /// <param name="embedding">D numbers.</param>
    /// <param name="query">How many, and among which; null is the ten nearest of all.</param>
    /// <param name="cancellation">Ends the call with an OperationCanceledException.</param>
    /// <exception cref="ArgumentException">The query is not of the store's dimension.</exception>
    Task<IReadOnlyList<StoreHit>> SearchAsync(ReadOnlyMemory<float> embedding, StoreQuery? query = null, CancellationToken cancellation = default);

    /// <summary>How many pictures are there.</summary>
    Task<long> CountAsync(CancellationToken cancellation = default);

    /// <summary>The labels that pictures have, each once, in ordinal order, from the first on.</summary>
    /// <param name="most">How many at most.</param>
    /// <param name="cancellation">Ends the call with an OperationCanceledException.</param>
    Task<IReadOnlyList<string>> LabelsAsync(int most, CancellationToken cancellation = default);

    /// <summary>Removes pictures, and tells how many there were.</summary>
    Task<long> RemoveAsync(IReadOnlyCollection<string> ids, CancellationToken cancellation = default);

    /// <summary>To be called after a load: makes what searching fast takes, where it is not there yet.</summary>
    Task CompleteAsync(CancellationToken cancellation = default);
}
