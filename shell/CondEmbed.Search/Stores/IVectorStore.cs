namespace CondEmbed.Search;

/// <summary>
/// Embeddings of one network, kept by the content of their images: one row an image, whatever its name and however often it is added. A block
/// is written as a whole or not at all. All methods may be called from several threads. Whether several processes may fill one store at once is for each
/// kind of store to say: PostgreSQL lets them, a file has one that fills it at a time.
/// </summary>
public interface IVectorStore : IAsyncDisposable
{
    /// <summary>Its location, for messages; never with a password.</summary>
    string Name { get; }

    /// <summary>The network whose embeddings it stores.</summary>
    StoreNetwork Network { get; }

    /// <summary>Which of these images are in the store.</summary>
    /// <param name="ids">As <see cref="ImageId"/> makes them.</param>
    /// <param name="cancellationToken">Ends the call with an OperationCanceledException.</param>
    Task<IReadOnlySet<string>> KnownAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken = default);

    /// <summary>Those of these images that are in the store, with their embeddings, each once and in any order.</summary>
    /// <param name="ids">As <see cref="ImageId"/> makes them.</param>
    /// <param name="cancellationToken">Ends the call with an OperationCanceledException.</param>
    Task<IReadOnlyList<StoreItem>> GetAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken = default);

    /// <summary>Writes images, replacing those with the same ids; of two with one id, the later one counts.</summary>
    /// <exception cref="ArgumentException">An embedding does not have the store's dimension, or an id is invalid.</exception>
    /// <exception cref="Common.InputException">An embedding holds NaN or infinity, or the store cannot be written.</exception>
    Task UpsertAsync(IReadOnlyList<StoreItem> items, CancellationToken cancellationToken = default);

    /// <summary>Changes the path and label of images in the store, ignoring those that are not. Writes only what changes, and returns how many do.</summary>
    Task<long> PlaceAsync(IReadOnlyList<StorePlace> places, CancellationToken cancellationToken = default);

    /// <summary>The images most similar to a query, most similar first.</summary>
    /// <param name="embedding">D numbers.</param>
    /// <param name="query">How many, and among which; null for the ten nearest of all.</param>
    /// <param name="cancellationToken">Ends the call with an OperationCanceledException.</param>
    /// <exception cref="ArgumentException">The query does not have the store's dimension, or is not finite and of a length above 0.</exception>
    Task<IReadOnlyList<StoreHit>> SearchAsync(ReadOnlyMemory<float> embedding, StoreQuery? query = null, CancellationToken cancellationToken = default);

    /// <summary>How many images are there.</summary>
    Task<long> CountAsync(CancellationToken cancellationToken = default);

    /// <summary>The distinct labels of the images, in ordinal order.</summary>
    /// <param name="most">How many at most.</param>
    /// <param name="cancellationToken">Ends the call with an OperationCanceledException.</param>
    Task<IReadOnlyList<string>> LabelsAsync(int most, CancellationToken cancellationToken = default);

    /// <summary>Removes images, and returns how many there were.</summary>
    Task<long> RemoveAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken = default);

    /// <summary>Call this after a load: it builds whatever a fast search needs, if it does not exist yet.</summary>
    Task CompleteAsync(CancellationToken cancellationToken = default);
}
