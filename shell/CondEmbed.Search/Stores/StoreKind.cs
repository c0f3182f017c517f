namespace CondEmbed.Search;

/// <summary>A kind of store, by the addresses of its stores.</summary>
/// <param name="Form">What such an address looks like, in words.</param>
/// <param name="Recognises">Whether an address is of this kind.</param>
/// <param name="OpenAsync">Opens an existing store to search it.</param>
/// <param name="OpenOrCreateAsync">Opens a store to fill it, for the embeddings of a network and with or without codes, creating it if it does not exist.</param>
public sealed record StoreKind(
    string Form,
    Func<string, bool> Recognises,
    Func<string, CancellationToken, Task<IVectorStore>> OpenAsync,
    Func<string, StoreNetwork, bool, CancellationToken, Task<IVectorStore>> OpenOrCreateAsync)
{
    /// <summary>Every kind of store in this assembly. To add one, add a line here.</summary>
    public static IReadOnlyList<StoreKind> All { get; } =
    [
        IndexFileStore.Kind,
    ];

    /// <summary>Whether its stores can have codes, as <see cref="ImageIndex.HasCodes"/> tells.</summary>
    public bool TakesCodes { get; init; }
}
