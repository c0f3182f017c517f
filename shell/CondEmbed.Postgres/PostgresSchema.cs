using CondEmbed.Search;

namespace CondEmbed.Postgres;

/// <summary>Finds or makes the tables of a store.</summary>
internal static class PostgresSchema
{
    /// <summary>The network whose embeddings the table contains; null if there is no such table.</summary>
    internal static async Task<StoreNetwork?> Find(NpgsqlConnection connection, PostgresAddress address, CancellationToken cancellationToken)
    {
        if (!await Exists(connection, PostgresAddress.Collections, cancellationToken).ConfigureAwait(false))
        {
            return null;
        }

        var found = await connection.Rows(
            PostgresSql.FindCollection, [address.Table], row => new StoreNetwork(row.GetString(0), row.GetInt32(1)), cancellationToken).ConfigureAwait(false);
        // Someone who drops the table need not know about its row here.
        return found.Count > 0 && await Exists(connection, address.Table, cancellationToken).ConfigureAwait(false) ? found[0] : null;
    }

    /// <summary>The network whose embeddings the table holds: the one given, if the table had to be made. Safe when several processes begin at once.</summary>
    internal static async Task<StoreNetwork> Ensure(NpgsqlConnection connection, PostgresAddress address, StoreNetwork network, CancellationToken cancellationToken)
    {
        // A user who fills a table need not be allowed to create one.
        if (await Find(connection, address, cancellationToken).ConfigureAwait(false) is { } there)
        {
            return there;
        }

        return await connection.Transaction(
            async () =>
            {
                await connection.Execute(PostgresSql.Lock, [], cancellationToken).ConfigureAwait(false);
                await EnsureExtension(connection, address, cancellationToken).ConfigureAwait(false);
                await connection.Execute(PostgresSql.CreateCollections, [], cancellationToken).ConfigureAwait(false);
                var found = await Find(connection, address, cancellationToken).ConfigureAwait(false);
                if (found is null)
                {
                    await Create(connection, address, network, cancellationToken).ConfigureAwait(false);
                }

                return found ?? network;
            },
            cancellationToken).ConfigureAwait(false);
    }

    private static async Task Create(NpgsqlConnection connection, PostgresAddress address, StoreNetwork network, CancellationToken cancellationToken)
    {
        if (network.Dimension > PostgresSql.MostNumbers)
        {
            throw new InputException($"{address}: embeddings of {network.Dimension} numbers are longer than pgvector can store ({PostgresSql.MostNumbers})");
        }

        if (await Exists(connection, address.Table, cancellationToken).ConfigureAwait(false))
        {
            throw new InputException($"{address}: there is already a table {address.Table} that this program did not create; choose another name with ?table=NAME");
        }

        await connection.Execute(new PostgresSql(address.Table, network.Dimension).CreateTable, [], cancellationToken).ConfigureAwait(false);
        object[] values = [address.Table, network.Fingerprint, network.Dimension, $"CondEmbed {About.Version}"];
        await connection.Execute(PostgresSql.AddCollection, values, cancellationToken).ConfigureAwait(false);
    }

    private static async Task EnsureExtension(NpgsqlConnection connection, PostgresAddress address, CancellationToken cancellationToken)
    {
        // A user who may use the type need not be allowed to create it.
        if (await connection.Ask("SELECT to_regtype('vector') IS NOT NULL", [], cancellationToken).ConfigureAwait(false) is true)
        {
            return;
        }

        try
        {
            await connection.Execute("CREATE EXTENSION IF NOT EXISTS vector", [], cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException problem) when (problem.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new InputException(
                $"{address}: the database lacks the extension vector (pgvector), and this user may not create it. Ask a superuser, or whoever your provider "
                + "allows to create extensions, to run this once in that database: CREATE EXTENSION vector");
        }
        catch (PostgresException problem) when (problem.SqlState is PostgresErrorCodes.UndefinedFile or PostgresErrorCodes.FeatureNotSupported)
        {
            throw new InputException(
                $"{address}: the server has no pgvector installed ({problem.MessageText}). Install it on the server (the package postgresql-NN-pgvector "
                + "of PostgreSQL's own repository, or the image pgvector/pgvector), then run this as a superuser in that database: CREATE EXTENSION vector");
        }
    }

    private static async Task<bool> Exists(NpgsqlConnection connection, string table, CancellationToken cancellationToken) =>
        await connection.Ask("SELECT to_regclass(quote_ident($1)) IS NOT NULL", [table], cancellationToken).ConfigureAwait(false) is true;
}
