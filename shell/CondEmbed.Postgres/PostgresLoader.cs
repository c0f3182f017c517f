using NpgsqlTypes;

namespace CondEmbed.Postgres;

/// <summary>Sends blocks of images to the server, each as one transaction.</summary>
internal sealed class PostgresLoader(PostgresAddress address, PostgresSql sql)
{
    // Known after the first block; a race to find out does no harm.
    private volatile PostgresBulk bulk = address.Bulk;

    /// <summary>How blocks are sent, once that is known.</summary>
    internal PostgresBulk Bulk => bulk;

    internal async Task<int> Upsert(NpgsqlConnection connection, PostgresBlock block, CancellationToken cancellationToken)
    {
        if (bulk == PostgresBulk.Auto)
        {
            // PGlite's socket takes no COPY, and trying it there breaks the connection for good instead of failing.
            var version = await connection.Ask("SELECT version()", [], cancellationToken).ConfigureAwait(false) as string;
            bulk = version?.Contains("PGlite", StringComparison.Ordinal) == true ? PostgresBulk.Insert : PostgresBulk.Auto;
        }

        if (bulk == PostgresBulk.Insert)
        {
            return await Insert(connection, block, cancellationToken).ConfigureAwait(false);
        }

        try
        {
            var changed = await Copy(connection, block, cancellationToken).ConfigureAwait(false);
            bulk = PostgresBulk.Copy;
            return changed;
        }
        catch (PostgresException problem) when (bulk == PostgresBulk.Auto && IsRefusal(problem))
        {
            bulk = PostgresBulk.Insert;
            return await Insert(connection, block, cancellationToken).ConfigureAwait(false);
        }
    }

    internal Task<int> CreateIndex(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        connection.Transaction(
            async () =>
            {
                await connection.Execute(PostgresSql.LockIndex, [address.Table], cancellationToken).ConfigureAwait(false);
                if (await connection.Ask("SELECT to_regclass(quote_ident($1)) IS NOT NULL", [address.Table + "_hnsw"], cancellationToken).ConfigureAwait(false) is true)
                {
                    return 0;
                }

                var command = new NpgsqlCommand(sql.CreateIndex(address.M, address.EfConstruction), connection) { CommandTimeout = 0 };
                await using (command.ConfigureAwait(false))
                {
                    return await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
                }
            },
            cancellationToken);

    // The user may not create temporary tables, or a proxy supports neither them nor COPY.
    private static bool IsRefusal(PostgresException problem) =>
        problem.SqlState is PostgresErrorCodes.InsufficientPrivilege or PostgresErrorCodes.FeatureNotSupported or PostgresErrorCodes.ProtocolViolation
            or PostgresErrorCodes.ReadOnlySqlTransaction;

    private Task<int> Insert(NpgsqlConnection connection, PostgresBlock block, CancellationToken cancellationToken) =>
        connection.Execute(sql.UpsertArrays, [block.Ids, block.Paths, block.Labels, block.Embeddings], cancellationToken);

    private Task<int> Copy(NpgsqlConnection connection, PostgresBlock block, CancellationToken cancellationToken) =>
        connection.Transaction(
            async () =>
            {
                await connection.Execute(sql.CreateBlock, [], cancellationToken).ConfigureAwait(false);
                var import = await connection.BeginBinaryImportAsync(sql.CopyBlock, cancellationToken).ConfigureAwait(false);
                await using (import.ConfigureAwait(false))
                {
                    for (var row = 0; row < block.Count; row++)
                    {
                        await import.StartRowAsync(cancellationToken).ConfigureAwait(false);
                        await import.WriteAsync(block.Ids[row], NpgsqlDbType.Bytea, cancellationToken).ConfigureAwait(false);
                        await import.WriteAsync(block.Paths[row], NpgsqlDbType.Text, cancellationToken).ConfigureAwait(false);
                        await import.WriteAsync(block.Labels[row], NpgsqlDbType.Text, cancellationToken).ConfigureAwait(false);
                        await import.WriteAsync(block.Embeddings[row], cancellationToken).ConfigureAwait(false);
                    }

                    await import.CompleteAsync(cancellationToken).ConfigureAwait(false);
                }

                return await connection.Execute(sql.UpsertBlock, [], cancellationToken).ConfigureAwait(false);
            },
            cancellationToken);
}
