using System.Text.RegularExpressions;

namespace CondEmbed.Postgres;

/// <summary>How blocks of images are sent to the server.</summary>
public enum PostgresBulk
{
    /// <summary>By COPY where the server takes it, else by INSERT.</summary>
    Auto,

    /// <summary>By COPY into a temporary table.</summary>
    Copy,

    /// <summary>By INSERT from arrays, for servers and poolers without COPY or temporary tables.</summary>
    Insert,
}

/// <summary>Where embeddings are kept in PostgreSQL, and how they are searched.</summary>
public sealed partial record PostgresAddress
{
    /// <summary>The table to use if none is named.</summary>
    public const string DefaultTable = "pictures";

    internal const string Collections = "condembed_collections";

    // What pgvector takes for hnsw.ef_search at most.
    internal const int MostCandidates = 1000;

    private PostgresAddress(NpgsqlConnectionStringBuilder connection) => Connection = connection;

    /// <summary>The table, of the letters a to z, digits and _, at most 48; one network's embeddings each.</summary>
    public string Table { get; private init; } = DefaultTable;

    /// <summary>Whether an HNSW index is made after a load; without it every search compares all images.</summary>
    public bool Indexed { get; init; } = true;

    /// <summary>HNSW's m: links of an image in the index, 2 to 100.</summary>
    public int M { get; private init; } = 16;

    /// <summary>HNSW's ef_construction: candidates while the index is built, 4 to 1,000 and at least 2 m.</summary>
    public int EfConstruction { get; private init; } = 64;

    /// <summary>HNSW's ef_search: candidates of a search, 1 to 1,000; more finds more of the truly nearest and takes longer.</summary>
    public int EfSearch { get; private init; } = 100;

    /// <summary>How blocks of images are sent to the server.</summary>
    public PostgresBulk Bulk { get; init; }

    internal NpgsqlConnectionStringBuilder Connection { get; }

    /// <summary>Whether this is the beginning of such an address.</summary>
    public static bool Recognises(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.StartsWith("postgres://", StringComparison.OrdinalIgnoreCase) || text.StartsWith("postgresql://", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>
    /// Reads <c>postgres://[user[:password]@][host][:port][/database][?name=value&amp;...]</c>. Special characters are percent-encoded. Of libpq's
    /// parameters these are known: sslmode, sslrootcert, connect_timeout, application_name, host (a socket's folder); of its own it has table, m,
    /// ef_construction, ef_search, index=hnsw|none, bulk=auto|copy|insert, pooling=true|false. The password may also come from PGPASSWORD or PGPASSFILE.
    /// </summary>
    /// <exception cref="InputException">It does not have this form, or a parameter is wrong. The message never contains the password.</exception>
    public static PostgresAddress Parse(string uri)
    {
        ArgumentNullException.ThrowIfNull(uri);
        var parts = PostgresUri.Split(uri);
        var address = new PostgresAddress(parts.Connection());
        foreach (var (name, value) in parts.Parameters)
        {
            address = address.With(name, value);
        }

        return address.EfConstruction >= 2 * address.M
            ? address
            : throw new InputException($"{address}: ef_construction={address.EfConstruction} must be at least twice m={address.M}");
    }

    /// <summary>The address without the password.</summary>
    public override string ToString()
    {
        var user = Connection.Username is { Length: > 0 } name ? $"{Uri.EscapeDataString(name)}@" : "";
        var database = Connection.Database is { Length: > 0 } named ? Uri.EscapeDataString(named) : "";
        return $"postgres://{user}{Connection.Host}:{Connection.Port}/{database}{(Table.Length > 0 ? $"?table={Table}" : "")}";
    }

    /// <summary>The same server and settings, and no table in particular.</summary>
    internal PostgresAddress OfAnyTable() => this with { Table = "" };

    /// <summary>The same server and settings, and another table.</summary>
    /// <exception cref="InputException">No table can have that name.</exception>
    internal PostgresAddress WithTable(string table) =>
        IsTableName(table)
            ? this with { Table = table }
            : throw new InputException($"{OfAnyTable()}: '{table}' cannot be the name of a table: {TableRule(table)}; choose another");

    private PostgresAddress With(string name, string value)
    {
        switch (name)
        {
            case "table":
                return this with { Table = TableName(value) };
            case "m":
                return this with { M = Number(name, value, 2, 100) };
            case "ef_construction":
                return this with { EfConstruction = Number(name, value, 4, 1000) };
            case "ef_search":
                return this with { EfSearch = Number(name, value, 1, MostCandidates) };
            case "index":
                return this with { Indexed = Choice(name, value, "none", "hnsw") == 1 };
            case "bulk":
                return this with { Bulk = (PostgresBulk)Choice(name, value, "auto", "copy", "insert") };
            case "pooling":
                Connection.Pooling = Choice(name, value, "false", "true") == 1;
                return this;
            case "sslmode":
                string[] modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
                Connection.SslMode = (SslMode)Choice(name, value, modes);
                return this;
            case "sslrootcert":
                Connection.RootCertificate = value;
                return this;
            case "connect_timeout":
                Connection.Timeout = Number(name, value, 0, 1024);
                return this;
            case "application_name":
                Connection.ApplicationName = value;
                return this;
            case "host":
                Connection.Host = value;
                return this;
            default:
                throw new InputException(
                    $"{this}: unknown parameter '{name}'; the parameters are table, m, ef_construction, ef_search, index, bulk, pooling, sslmode, sslrootcert, connect_timeout, application_name, host");
        }
    }

    private string TableName(string name) =>
        IsTableName(name) ? name : throw new InputException($"{this}: table={name}: {TableRule(name)}");

    private static bool IsTableName(string name) => TablePattern().IsMatch(name) && name != Collections;

    private static string TableRule(string name) =>
        $"a table name consists of a to z, 0 to 9 and _, begins with a letter, and has at most 48 characters{(name == Collections ? "; the list of all tables has this one" : "")}";

    private int Number(string name, string value, int least, int most) =>
        int.TryParse(value, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw new InputException($"{this}: {name}={value}: a whole number from {least} to {most} is expected");

    private int Choice(string name, string value, params string[] choices) =>
        Array.IndexOf(choices, value) is >= 0 and var place ? place : throw new InputException($"{this}: {name}={value} must be one of {string.Join(", ", choices)}");

    [GeneratedRegex("^[a-z][a-z0-9_]{0,47}\\z")]
    private static partial Regex TablePattern();
}
