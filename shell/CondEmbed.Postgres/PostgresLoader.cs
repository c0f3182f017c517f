using Npgsql;
using NpgsqlTypes;

namespace CondEmbed.Postgres;

/// <summary>Sends blocks of images to the server, each as one transaction.</summary>
internal sealed class PostgresLoader(PostgresAddress address, PostgresSql sql)
{
    // Known after the first block; a race to find out does no harm.
    private volatile PostgresBulk bulk = address.Bulk;

    /// <summary>How blocks are sent, once that is known.</summary>
    internal PostgresBulk Bulk => bulk;

    internal async Task<int> Upsert(NpgsqlConnection connection, PostgresBlock block, CancellationToken cancellation)
    {
        if (bulk == PostgresBulk.Auto)
        {
            // PGlite's socket takes no COPY, and trying it there breaks the connection for good instead of failing.
            var version = await connection.Ask("SELECT version()", [], cancellation).ConfigureAwait(false) as string;
            bulk = version?.Contains("PGlite", StringComparison.Ordinal) == true ? PostgresBulk.Insert : PostgresBulk.Auto;
        }

        if (bulk == PostgresBulk.Insert)
        {
            return await Insert(connection, block, cancellation).ConfigureAwait(false);
        }

        try
        {
            var changed = await Copy(connection, block, cancellation).ConfigureAwait(false);
            bulk = PostgresBulk.Copy;
            return changed;
        }
        catch (PostgresException problem) when (bulk == PostgresBulk.Auto && IsRefusal(problem))
        {
            bulk = PostgresBulk.Insert;
            return await Insert(connection, block, cancellation).ConfigureAwait(false);
        }
    }

    internal Task<int> CreateIndex(NpgsqlConnection connection, CancellationToken cancellation) =>
        connection.Transaction(
            async () =>
            {
                await connection.Execute(PostgresSql.LockIndex, [address.Table], cancellation).ConfigureAwait(false);
                if (await connection.Ask("SELECT to_regclass(quote_ident($1)) IS NOT NULL", [address.Table + "_hnsw"], cancellation).ConfigureAwait(false) is true)
                {
                    return 0;
                }

                var command = new NpgsqlCommand(sql.CreateIndex(address.M, address.EfConstruction), connection) { CommandTimeout = 0 };
                await using (command.ConfigureAwait(false))
                {
                    return await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
                }
            },
            cancellation);

    // The user may not create temporary tables, or a proxy supports neither them nor COPY.
    private static bool IsRefusal(PostgresException problem) =>
        problem.SqlState is PostgresErrorCodes.InsufficientPrivilege or PostgresErrorCodes.FeatureNotSupported or PostgresErrorCodes.ProtocolViolation
            or PostgresErrorCodes.ReadOnlySqlTransaction;

    private Task<int> Insert(NpgsqlConnection connection, PostgresBlock block, CancellationToken cancellation) =>
        connection.Execute(sql.UpsertArrays, [block.Ids, block.Paths, block.Labels, block.Embeddings], cancellation);

    private Task<int> Copy(NpgsqlConnection connection, PostgresBlock block, CancellationToken cancellation) =>
        connection.Transaction(
            async () =>
            {
                await connection.Execute(sql.CreateBlock, [], cancellation).ConfigureAwait(false);
                var import = await connection.BeginBinaryImportAsync(sql.CopyBlock, cancellation).ConfigureAwait(false);
                await using (import.ConfigureAwait(false))
                {
                    for (var row = 0; row < block.Count; row++)
                    {
                        await import.StartRowAsync(cancellation).ConfigureAwait(false);
                        await import.WriteAsync(block.Ids[row], NpgsqlDbType.Bytea, cancellation).ConfigureAwait(false);
                        await import.WriteAsync(block.Paths[row], NpgsqlDbType.Text, cancellation).ConfigureAwait(false);
                        await import.WriteAsync(block.Labels[row], NpgsqlDbType.Text, cancellation).ConfigureAwait(false);
                        await import.WriteAsync(block.Embeddings[row], cancellation).ConfigureAwait(false);
                    }

                    await import.CompleteAsync(cancellation).ConfigureAwait(false);
                }

                return await connection.Execute(sql.UpsertBlock, [], cancellation).ConfigureAwait(false);
            },
            cancellation);
}
