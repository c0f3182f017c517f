using CondEmbed.Search;

namespace CondEmbed.Postgres;

/// <summary>The tables of embeddings in a database, each a store under its name: see <see cref="PostgresStore"/>.</summary>
/// <param name="address">The database, with the settings for all its tables; the table that it names does not matter.</param>
public sealed class PostgresDatabase(PostgresAddress address) : IVectorStores
{
    private readonly PostgresAddress address = address?.OfAnyTable() ?? throw new ArgumentNullException(nameof(address));

    /// <inheritdoc/>
    public string Name { get; } = address.OfAnyTable().ToString();

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> NamesAsync(CancellationToken cancellationToken = default) =>
        With<IReadOnlyList<string>>(
            async connection => await HasAny(connection, cancellationToken).ConfigureAwait(false)
                ? await connection.Rows(PostgresSql.ListCollections, [], row => row.GetString(0), cancellationToken).ConfigureAwait(false)
                : [],
            cancellationToken);

    /// <inheritdoc/>
    public async Task<IVectorStore> OpenAsync(string name, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        return await PostgresStore.OpenAsync(address.WithTable(name), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<IVectorStore> OpenOrCreateAsync(string name, StoreNetwork network, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(network);
        return await PostgresStore.OpenOrCreateAsync(address.WithTable(name), network, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task RemoveAsync(string name, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        var table = address.WithTable(name);
        return With(
            async connection =>
            {
                // Only tables that this program made are in its list.
                if (await PostgresSchema.Find(connection, table, cancellationToken).ConfigureAwait(false) is { } found)
                {
                    await connection.Transaction(
                        async () =>
                        {
                            await connection.Execute(PostgresSql.Lock, [], cancellationToken).ConfigureAwait(false);
                            await connection.Execute(new PostgresSql(table.Table, found.Dimension).DropTable, [], cancellationToken).ConfigureAwait(false);
                            return await connection.Execute(PostgresSql.RemoveCollection, [table.Table], cancellationToken).ConfigureAwait(false);
                        },
                        cancellationToken).ConfigureAwait(false);
                }

                return true;
            },
            cancellationToken);
    }

    private static async Task<bool> HasAny(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        await connection.Ask($"SELECT to_regclass('{PostgresAddress.Collections}') IS NOT NULL", [], cancellationToken).ConfigureAwait(false) is true;

    private async Task<T> With<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken)
    {
        var source = NpgsqlDataSource.Create(address.Connection);
        await using (source.ConfigureAwait(false))
        {
            return await PostgresStore.Named(address, source, work, cancellationToken).ConfigureAwait(false);
        }
    }
}
