using CondEmbed.Search;
using Pgvector;

namespace CondEmbed.Postgres;

/// <summary>
/// Embeddings in a table of PostgreSQL with pgvector: columns <c>id</c> (SHA-256 of the image), <c>path</c>, <c>label</c>, <c>embedding</c>, and an
/// HNSW index by cosine. Any number of processes on any machines may fill and search one table at once, also when none of them has made it yet. The table <c>condembed_collections</c> records which network's embeddings each table contains.
/// </summary>
public sealed class PostgresStore : IVectorStore
{
    private readonly NpgsqlDataSource source;
    private readonly PostgresAddress address;
    private readonly PostgresSql sql;
    private readonly PostgresLoader loader;

    private PostgresStore(NpgsqlDataSource source, PostgresAddress address, StoreNetwork network)
    {
        this.source = source;
        this.address = address;
        Network = network;
        sql = new PostgresSql(address.Table, network.Dimension);
        loader = new PostgresLoader(address, sql);
    }

    /// <summary>Tables as a kind of store.</summary>
    public static StoreKind Kind { get; } = new(
        "postgres://user@host/database?table=NAME",
        PostgresAddress.Recognises,
        async (address, cancellationToken) => await OpenAsync(PostgresAddress.Parse(address), cancellationToken).ConfigureAwait(false),
        async (address, network, _, cancellationToken) => await OpenOrCreateAsync(PostgresAddress.Parse(address), network, cancellationToken).ConfigureAwait(false));

    /// <inheritdoc/>
    public string Name => address.ToString();

    /// <inheritdoc/>
    public StoreNetwork Network { get; }

    /// <summary>How blocks reach the server, as far as that is known.</summary>
    internal PostgresBulk Bulk => loader.Bulk;

    /// <summary>Opens an existing table.</summary>
    /// <exception cref="InputException">The table does not exist, or the server cannot be used.</exception>
    public static Task<PostgresStore> OpenAsync(PostgresAddress address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        return Open(
            address,
            async connection => await PostgresSchema.Find(connection, address, cancellationToken).ConfigureAwait(false)
                ?? throw new InputException($"{address}: there is no table {address.Table} of embeddings; create it with {Wording.Of("PostgresStore.OpenOrCreateAsync", "'condembed index'")}, or name another with ?table=NAME"),
            cancellationToken);
    }

    /// <summary>Opens the table of a network, creating it, and the pgvector extension in the database, if they do not exist.</summary>
    /// <exception cref="InputException">The table holds embeddings of another network, or the server cannot be used.</exception>
    public static Task<PostgresStore> OpenOrCreateAsync(PostgresAddress address, StoreNetwork network, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(network);
        return Open(
            address,
            async connection =>
            {
                var found = await PostgresSchema.Ensure(connection, address, network, cancellationToken).ConfigureAwait(false);
                found.DemandSame(network, $"{address}: the table {address.Table}", "choose another table with ?table=NAME");
                return found;
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<IReadOnlySet<string>> KnownAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken = default)
    {
        Nulls.Demand(ids);
        return WithConnection<IReadOnlySet<string>>(
            async connection => new HashSet<string>(
                await connection.Rows(sql.Known, [Bytes(ids)], row => Convert.ToHexStringLower((byte[])row[0]), cancellationToken).ConfigureAwait(false),
                StringComparer.Ordinal),
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<StoreItem>> GetAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken = default)
    {
        Nulls.Demand(ids);
        return WithConnection<IReadOnlyList<StoreItem>>(
            async connection => await connection.Rows(sql.Get, [Bytes(ids)], Item, cancellationToken).ConfigureAwait(false), cancellationToken);
    }

    /// <inheritdoc/>
    public Task UpsertAsync(IReadOnlyList<StoreItem> items, CancellationToken cancellationToken = default)
    {
        var block = PostgresBlock.Of(items, Network.Dimension);
        return block.Count == 0 ? Task.CompletedTask : WithConnection(connection => loader.Upsert(connection, block, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<long> PlaceAsync(IReadOnlyList<StorePlace> places, CancellationToken cancellationToken = default)
    {
        Nulls.Demand(places);
        List<StorePlace> distinct = [.. places.GroupBy(place => place.Id, StringComparer.Ordinal).Select(same => same.Last())];
        object[] values = [Bytes(distinct.Select(place => place.Id)), Texts(distinct.Select(place => place.Path)), Texts(distinct.Select(place => place.Label))];
        return WithConnection<long>(async connection => await connection.Execute(sql.Place, values, cancellationToken).ConfigureAwait(false), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<StoreHit>> SearchAsync(ReadOnlyMemory<float> embedding, StoreQuery? query = null, CancellationToken cancellationToken = default)
    {
        query ??= new StoreQuery();
        ArgumentOutOfRangeException.ThrowIfLessThan(query.Top, 1, "query.Top");
        var unit = GivenVector.Unit(embedding.Span, Network.Dimension, "store", nameof(embedding));

        // Asking for more than the index's candidates would return too few results; and a class is few images among many.
        var all = query.Exact || query.Label is not null || query.Top > PostgresAddress.MostCandidates / 2;
        List<object> values = [new Vector(unit), query.Top];
        if (query.Label is not null)
        {
            values.Add(query.Label);
        }

        var text = all ? sql.SearchAll(query.Label is not null) : sql.SearchIndex;
        return Telemetry.Search.RunAsync(() => WithConnection<IReadOnlyList<StoreHit>>(
            connection => connection.Transaction(
                async () =>
                {
                    object[] candidates = [Math.Max(address.EfSearch, 2 * query.Top).ToString(System.Globalization.CultureInfo.InvariantCulture)];
                    await (all ? Task.CompletedTask : connection.Execute(PostgresSql.SetCandidates, candidates, cancellationToken)).ConfigureAwait(false);
                    return (IReadOnlyList<StoreHit>)await connection.Rows(text, [.. values], Hit, cancellationToken).ConfigureAwait(false);
                },
                cancellationToken),
            cancellationToken));
    }

    /// <inheritdoc/>
    public Task<long> CountAsync(CancellationToken cancellationToken = default) =>
        WithConnection(async connection => (long)(await connection.Ask(sql.Count, [], cancellationToken).ConfigureAwait(false))!, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> LabelsAsync(int most, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        return WithConnection<IReadOnlyList<string>>(
            async connection => await connection.Rows(sql.Labels, [most], row => row.GetString(0), cancellationToken).ConfigureAwait(false), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<long> RemoveAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken = default)
    {
        Nulls.Demand(ids);
        return WithConnection<long>(async connection => await connection.Execute(sql.Remove, [Bytes(ids)], cancellationToken).ConfigureAwait(false), cancellationToken);
    }

    /// <summary>Makes the HNSW index if there is none: once, after the first load, since that is many times faster than keeping it up to date while loading.</summary>
    public Task CompleteAsync(CancellationToken cancellationToken = default) =>
        address.Indexed && sql.Indexable
            ? WithConnection(connection => loader.CreateIndex(connection, cancellationToken), cancellationToken)
            : Task.CompletedTask;

    /// <summary>Closes the connections.</summary>
    public ValueTask DisposeAsync() => source.DisposeAsync();

    private static async Task<PostgresStore> Open(
        PostgresAddress address, Func<NpgsqlConnection, Task<StoreNetwork>> find, CancellationToken cancellationToken)
    {
        var builder = new NpgsqlDataSourceBuilder(address.Connection.ConnectionString);
        builder.UseVector();
        var source = builder.Build();
        try
        {
            var network = await Named(address, source, Find, cancellationToken).ConfigureAwait(false);
            return new PostgresStore(source, address, network);
        }
        catch
        {
            await source.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        async Task<StoreNetwork> Find(NpgsqlConnection connection)
        {
            var found = await find(connection).ConfigureAwait(false);
            // Another process may have made the extension after the driver had asked for the server's types: so they are asked for again, whoever has made it.
            await connection.ReloadTypesAsync(cancellationToken).ConfigureAwait(false);
            return found;
        }
    }

    private Task<T> WithConnection<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken) => Named(address, source, work, cancellationToken);

    internal static Task<T> Named<T>(PostgresAddress address, NpgsqlDataSource source, Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken) =>
        PostgresProblems.Named(address, () => PostgresProblems.Again(() => With(source, work, cancellationToken), cancellationToken));

    private static async Task<T> With<T>(NpgsqlDataSource source, Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken)
    {
        var connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            return await work(connection).ConfigureAwait(false);
        }
    }

    private static StoreItem Item(NpgsqlDataReader row) =>
        new(Convert.ToHexStringLower((byte[])row[0]), row.GetString(1), row.GetString(2), row.GetFieldValue<Vector>(3).Memory);

    // pgvector tells the cosine distance, 1 - cosine.
    private static StoreHit Hit(NpgsqlDataReader row) => new(Convert.ToHexStringLower((byte[])row[0]), row.GetString(1), row.GetString(2), 1 - row.GetDouble(3));

    private static byte[][] Bytes(IEnumerable<string> ids) => [.. ids.Select(PostgresBlock.Bytes)];

    private static string[] Texts(IEnumerable<string> texts) => [.. texts.Select(PostgresBlock.Text)];
}
