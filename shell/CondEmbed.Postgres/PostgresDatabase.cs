using CondEmbed.Search;
using Npgsql;

namespace CondEmbed.Postgres;

/// <summary>The tables of embeddings in a database, each a store under its name: see <see cref="PostgresStore"/>.</summary>
/// <param name="address">The database, with the settings for all its tables; the table that it names does not matter.</param>
public sealed class PostgresDatabase(PostgresAddress address) : IVectorStores
{
    private readonly PostgresAddress address = address ?? throw new ArgumentNullException(nameof(address));

    /// <inheritdoc/>
    public string Name { get; } = address.ToString().Split('?')[0];

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> NamesAsync(CancellationToken cancellation = default) =>
        With<IReadOnlyList<string>>(
            async connection => await HasAny(connection, cancellation).ConfigureAwait(false)
                ? await connection.Rows(PostgresSql.ListCollections, [], row => row.GetString(0), cancellation).ConfigureAwait(false)
                : [],
            cancellation);

    /// <inheritdoc/>
    public async Task<IVectorStore> OpenAsync(string name, CancellationToken cancellation = default) =>
        await PostgresStore.OpenAsync(address.WithTable(name), cancellation).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task<IVectorStore> OpenOrCreateAsync(string name, StoreNetwork network, CancellationToken cancellation = default) =>
        await PostgresStore.OpenOrCreateAsync(address.WithTable(name), network, cancellation).ConfigureAwait(false);

    /// <inheritdoc/>
    public Task RemoveAsync(string name, CancellationToken cancellation = default)
    {
        var table = address.WithTable(name);
        return With(
            async connection =>
            {
                // Only tables that this program made are in its list.
                if (await PostgresSchema.Find(connection, table, cancellation).ConfigureAwait(false) is { } found)
                {
                    await connection.Transaction(
                        async () =>
                        {
                            await connection.Execute(PostgresSql.Lock, [], cancellation).ConfigureAwait(false);
                            await connection.Execute(new PostgresSql(table.Table, found.Dimension).DropTable, [], cancellation).ConfigureAwait(false);
                            return await connection.Execute(PostgresSql.RemoveCollection, [table.Table], cancellation).ConfigureAwait(false);
                        },
                        cancellation).ConfigureAwait(false);
                }

                return true;
            },
            cancellation);
    }

    private static async Task<bool> HasAny(NpgsqlConnection connection, CancellationToken cancellation) =>
        await connection.Ask($"SELECT to_regclass('{PostgresAddress.Collections}') IS NOT NULL", [], cancellation).ConfigureAwait(false) is true;

    private async Task<T> With<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellation)
    {
        var source = NpgsqlDataSource.Create(address.Connection);
        await using (source.ConfigureAwait(false))
        {
            return await PostgresStore.Named(address, source, work, cancellation).ConfigureAwait(false);
        }
    }
}
