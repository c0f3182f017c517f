namespace CondEmbed.Search;

/// <summary>A place that has several stores, each under a name: a folder of index files, the tables of a database.</summary>
public interface IVectorStores
{
    /// <summary>Its location, for messages; never with a password.</summary>
    string Name { get; }

    /// <summary>The names of the stores, in ordinal order.</summary>
    Task<IReadOnlyList<string>> NamesAsync(CancellationToken cancellationToken = default);

    /// <summary>Opens a store to search it.</summary>
    /// <exception cref="Common.InputException">There is none of that name, or it cannot be read.</exception>
    Task<IVectorStore> OpenAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>Opens a store to fill it, creating it if it does not exist.</summary>
    /// <exception cref="Common.InputException">It belongs to another network, or it cannot be written.</exception>
    Task<IVectorStore> OpenOrCreateAsync(string name, StoreNetwork network, CancellationToken cancellationToken = default);

    /// <summary>Removes a store and all that is in it; one that does not exist is ignored. It must not be open.</summary>
    /// <exception cref="Common.InputException">It cannot be removed.</exception>
    Task RemoveAsync(string name, CancellationToken cancellationToken = default);
}
