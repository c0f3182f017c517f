using Microsoft.Extensions.VectorData;

namespace CondEmbed.Extensions.AI;

/// <summary>Problems of stores as callers of the interface expect them.</summary>
internal static class StoreProblems
{
    /// <summary>Does work on a store. What a user can fix becomes a VectorStoreException with the same message.</summary>
    internal static async Task<T> Named<T>(this IVectorStores stores, string? collection, string operation, Func<Task<T>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (InputException problem)
        {
            throw new VectorStoreException(problem.Message, problem)
            {
                VectorStoreSystemName = "condembed",
                VectorStoreName = stores.Name,
                CollectionName = collection,
                OperationName = operation,
            };
        }
    }

    /// <inheritdoc cref="Named{T}"/>
    internal static Task Named(this IVectorStores stores, string? collection, string operation, Func<Task> work) =>
        stores.Named(collection, operation, async () =>
        {
            await work().ConfigureAwait(false);
            return true;
        });
}
