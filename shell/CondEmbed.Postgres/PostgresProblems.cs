using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using CondEmbed.Common;
using Npgsql;

namespace CondEmbed.Postgres;

/// <summary>Says what went wrong with a server, and how to mend it.</summary>
internal static class PostgresProblems
{
    private const int MostTrials = 6;

    private const string Kept = "What was written stays; run the same again to go on.";

    /// <summary>Runs work, and turns what a user can mend into an InputException.</summary>
    internal static async Task<T> Named<T>(PostgresAddress address, Func<Task<T>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (Exception problem) when (Meaning(problem, address) is { } meaning)
        {
            throw new InputException($"{address}: {meaning}");
        }
    }

    /// <summary>Runs a transaction again that the server has ended in favour of another process's; after some times it is the caller's.</summary>
    internal static async Task<T> Again<T>(Func<Task<T>> work, CancellationToken cancellation)
    {
        for (var trial = 1; ; trial++)
        {
            try
            {
                return await work().ConfigureAwait(false);
            }
            catch (PostgresException problem) when (trial < MostTrials && IsOfAnother(problem))
            {
                await Task.Delay(Random.Shared.Next(20, 100 * trial), cancellation).ConfigureAwait(false);
            }
        }
    }

    // Two that wait for each other, and two that make the same thing at once, of which ours may be made by someone who takes no lock.
    private static bool IsOfAnother(PostgresException problem) =>
        problem.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.UniqueViolation
            or PostgresErrorCodes.DuplicateObject or PostgresErrorCodes.DuplicateTable;

    private static string? Meaning(Exception problem, PostgresAddress address) => problem switch
    {
        PostgresException server => Meaning(server, address),
        NpgsqlException driver => Meaning(driver),
        SocketException socket => NoServer(socket),
        TimeoutException => NoAnswer,
        AuthenticationException or CryptographicException => $"the connection cannot be made secure: {Said(problem)}. Mend sslmode or sslrootcert in the address.",
        FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException => $"a file that the address or the environment names cannot be read: {Said(problem)}.",
        IOException => Lost(problem),
        // The driver's word for a type that it does not find on the server.
        InvalidCastException or NotSupportedException =>
            $"the server's type vector is not pgvector's, or is there in more than one schema ({Said(problem)}). Look with \\dT vector, and keep one: CREATE EXTENSION vector.",
        _ => null,
    };

    private static string Meaning(PostgresException problem, PostgresAddress address) => problem.SqlState switch
    {
        PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification =>
            $"the server does not let this user in: {Said(problem)}. Mend user and password in the address, or set PGPASSWORD.",
        PostgresErrorCodes.InvalidCatalogName => $"{Said(problem)}. Create it (createdb {address.Connection.Database}), or name another behind the last /.",
        PostgresErrorCodes.InsufficientPrivilege => $"{Said(problem)}. Let its owner GRANT the right, or use another user.",
        PostgresErrorCodes.DiskFull or PostgresErrorCodes.OutOfMemory => $"the server has no room: {Said(problem)}. Make some there. {Kept}",
        PostgresErrorCodes.TooManyConnections => $"the server takes no more connections: {Said(problem)}. Run fewer programs at once, or raise its max_connections.",
        PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow =>
            $"the server is stopping or starting: {Said(problem)}. {Kept}",
        PostgresErrorCodes.QueryCanceled => $"the server ended a statement: {Said(problem)}. Raise its statement_timeout for this user. {Kept}",
        PostgresErrorCodes.ReadOnlySqlTransaction => $"the server only reads: {Said(problem)}. Give the address of the primary server.",
        PostgresErrorCodes.UndefinedTable => $"{Said(problem)}: someone has removed it. Make it again with {Wording.Of("PostgresStore.OpenOrCreateAsync", "condembed index")}.",
        PostgresErrorCodes.UndefinedObject => $"{Said(problem)}. If that is pgvector's type, run this once in the database: CREATE EXTENSION vector",
        _ => $"the server says {problem.SqlState}: {Said(problem)}.",
    };

    private static string Meaning(NpgsqlException problem) => problem switch
    {
        { InnerException: SocketException socket } => NoServer(socket),
        { InnerException: TimeoutException } => NoAnswer,
        _ when problem.Message.Contains("No password", StringComparison.Ordinal) =>
            "the server asks for a password and none is given. Set PGPASSWORD, or write postgres://user:password@host/database.",
        { InnerException: IOException inner } => Lost(inner),
        _ => $"{Said(problem)}{(problem.InnerException is { } inner ? $" ({Said(inner)})" : "")}.",
    };

    private const string NoAnswer = "the server does not answer in time. Look whether it is overloaded, or mend host and port in the address.";

    private static string Lost(Exception problem) => $"the connection to the server was lost: {Said(problem)}. Look whether it runs. {Kept}";

    private static string NoServer(SocketException problem) =>
        $"no PostgreSQL server answers there: {Said(problem)}. Start it, or mend host and port in the address.";

    private static string Said(Exception problem) => (problem as PostgresException)?.MessageText ?? problem.Message.TrimEnd('.');
}
