namespace CondEmbed.Postgres;

/// <summary>The SQL statements for one table. Values are always parameters; names consist of a to z, digits and _, and are quoted all the same.</summary>
internal sealed class PostgresSql(string table, int dimension)
{
    // What pgvector indexes: vector to 2,000 numbers, halfvec to 4,000.
    private const int MostInIndex = 2000;
    private const int MostInHalfIndex = 4000;

    /// <summary>The most numbers in a pgvector column.</summary>
    internal const int MostNumbers = 16000;

    internal const string CreateCollections =
        $"""
        CREATE TABLE IF NOT EXISTS {PostgresAddress.Collections} (
          name text PRIMARY KEY,
          fingerprint text NOT NULL,
          dimension integer NOT NULL,
          made_by text NOT NULL,
          made_at timestamptz NOT NULL DEFAULT now())
        """;

    internal const string FindCollection = $"SELECT fingerprint, dimension FROM {PostgresAddress.Collections} WHERE name = $1";

    /// <summary>The tables that there are. Someone who drops one need not know about its row here.</summary>
    internal const string ListCollections = $"SELECT name FROM {PostgresAddress.Collections} WHERE to_regclass(quote_ident(name)) IS NOT NULL ORDER BY name COLLATE \"C\"";

    internal const string RemoveCollection = $"DELETE FROM {PostgresAddress.Collections} WHERE name = $1";

    internal const string AddCollection =
        $"""
        INSERT INTO {PostgresAddress.Collections} (name, fingerprint, dimension, made_by) VALUES ($1, $2, $3, $4)
        ON CONFLICT (name) DO UPDATE SET fingerprint = excluded.fingerprint, dimension = excluded.dimension, made_by = excluded.made_by, made_at = now()
        """;

    /// <summary>Held while the schema is made. The number only has to be the same everywhere.</summary>
    internal const string Lock = "SELECT pg_advisory_xact_lock(4835709316281)";

    /// <summary>$1 the table: held while its index is made.</summary>
    internal const string LockIndex = "SELECT pg_advisory_xact_lock(hashtextextended($1, 4835709316281))";

    /// <summary>$1 the candidates of searches in this transaction. As a text, which is how settings are set.</summary>
    internal const string SetCandidates = "SELECT set_config('hnsw.ef_search', $1, true)";

    private readonly string quoted = Quoted(table);

    // Behind a pool of connections a session may have served a table of another dimension.
    private string BlockTable => $"condembed_block_{dimension}";

    internal string DropTable => $"DROP TABLE IF EXISTS {quoted}";

    internal string CreateTable =>
        $"""
        CREATE TABLE {quoted} (
          id bytea PRIMARY KEY CHECK (length(id) = 32),
          path text NOT NULL,
          label text NOT NULL,
          embedding vector({dimension}) NOT NULL);
        CREATE INDEX {Quoted(table + "_label")} ON {quoted} ({Begins("label")})
        """;

    /// <summary>A table of the session for the block that is being loaded; empty between transactions.</summary>
    internal string CreateBlock =>
        $"CREATE TEMPORARY TABLE IF NOT EXISTS {BlockTable} (id bytea, path text, label text, embedding vector({dimension})) ON COMMIT DELETE ROWS";

    internal string CopyBlock => $"COPY {BlockTable} (id, path, label, embedding) FROM STDIN (FORMAT BINARY)";

    // In the order of ids, so that two processes that write the same rows wait for each other instead of blocking each other.
    internal string UpsertBlock => Upsert($"SELECT id, path, label, embedding FROM {BlockTable} ORDER BY id");

    internal string UpsertArrays => Upsert("SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::vector[]) AS new (id, path, label, embedding) ORDER BY id");

    // Its rows, too, are locked in the order of ids.
    internal string Place =>
        $"""
        WITH new AS (SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[]) AS given (id, path, label)),
        mine AS (
          SELECT old.id FROM {quoted} AS old JOIN new USING (id)
          WHERE (old.path, old.label) IS DISTINCT FROM (new.path, new.label) ORDER BY old.id FOR UPDATE OF old)
        UPDATE {quoted} AS old SET path = new.path, label = new.label FROM new JOIN mine USING (id) WHERE old.id = new.id
        """;

    internal string Known => $"SELECT id FROM {quoted} WHERE id = ANY($1)";

    internal string Get => $"SELECT id, path, label, embedding FROM {quoted} WHERE id = ANY($1)";

    internal string Remove => $"DELETE FROM {quoted} WHERE id = ANY($1)";

    /// <summary>$1 how many: the labels, each once, in the order of their bytes.</summary>
    internal string Labels => $"SELECT DISTINCT label COLLATE \"C\" AS label FROM {quoted} ORDER BY label LIMIT $1";

    internal string Count => $"SELECT count(*) FROM {quoted}";

    /// <summary>Whether pgvector can index this many numbers.</summary>
    internal bool Indexable => dimension <= MostInHalfIndex;

    internal string CreateIndex(int m, int efConstruction) =>
        $"CREATE INDEX IF NOT EXISTS {Quoted(table + "_hnsw")} ON {quoted} USING hnsw ({Indexed}) WITH (m = {m}, ef_construction = {efConstruction})";

    /// <summary>Search by the index; $1 is the query, $2 the number of hits. Candidates found in half precision are sorted again in full precision.</summary>
    internal string SearchIndex =>
        dimension <= MostInIndex
            ? $"SELECT * FROM (SELECT {Columns} FROM {quoted} ORDER BY embedding <=> $1 LIMIT $2) AS found ORDER BY distance, id"
            : $"""
               SELECT * FROM (SELECT {Columns} FROM {quoted} ORDER BY {Half("embedding")} <=> {Half("$1")} LIMIT 2 * $2) AS found
               ORDER BY distance, id LIMIT $2
               """;

    /// <summary>$1 the query, $2 how many, $3 the label where only one class is meant. No index serves a sum, so every image is compared.</summary>
    internal string SearchAll(bool ofLabel) =>
        $"SELECT {Columns} FROM {quoted}{(ofLabel ? $" WHERE {Begins("label")} = {Begins("$3")} AND label = $3" : "")} ORDER BY (embedding <=> $1) + 0, id LIMIT $2";

    private const string Columns = "id, path, label, embedding <=> $1 AS distance";

    // A label may be longer than what an index of texts takes; an index by hash grows slow where many rows share a label.
    private static string Begins(string label) => $"(left({label}, 100))";

    private string Indexed => dimension <= MostInIndex ? "embedding vector_cosine_ops" : $"({Half("embedding")}) halfvec_cosine_ops";

    private string Half(string vector) => $"({vector}::vector::halfvec({dimension}))";

    private string Upsert(string rows) =>
        $"""
        INSERT INTO {quoted} AS old (id, path, label, embedding) {rows}
        ON CONFLICT (id) DO UPDATE SET path = excluded.path, label = excluded.label, embedding = excluded.embedding
        WHERE (old.path, old.label, old.embedding) IS DISTINCT FROM (excluded.path, excluded.label, excluded.embedding)
        """;

    private static string Quoted(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
