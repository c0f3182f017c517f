using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using CondEmbed.Search;

namespace CondEmbed.Postgres;

/// <summary>Says what went wrong with a server, and how to fix it.</summary>
internal static class PostgresProblems
{
    private const int MostTrials = 6;

    private const string Kept = "What was written is kept; run the same command again to continue.";

    /// <summary>Runs work, and turns errors that a user can fix into an InputException, and those that may be over later into a StoreUnavailableException.</summary>
    internal static async Task<T> Named<T>(PostgresAddress address, Func<Task<T>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (Exception problem) when (Meaning(problem, address) is { } meaning)
        {
            var told = $"{address}: {meaning}";
            throw IsOfNow(problem) ? new StoreUnavailableException(told) : new InputException(told);
        }
    }

    /// <summary>Retries a transaction that the server has ended in favour of another process's; after a few attempts the error is the caller's.</summary>
    internal static async Task<T> Again<T>(Func<Task<T>> work, CancellationToken cancellationToken)
    {
        for (var trial = 1; ; trial++)
        {
            try
            {
                return await work().ConfigureAwait(false);
            }
            catch (PostgresException problem) when (trial < MostTrials && IsOfAnother(problem))
            {
                await Task.Delay(Random.Shared.Next(20, 100 * trial), cancellationToken).ConfigureAwait(false);
            }
        }
    }

    // Deadlocks, and two processes that create the same thing at once, of which the other may not take the lock.
    private static bool IsOfAnother(PostgresException problem) =>
        problem.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.UniqueViolation
            or PostgresErrorCodes.DuplicateObject or PostgresErrorCodes.DuplicateTable;

    /// <summary>Whether nothing is wrong with what was asked, and the server is in no state to do it.</summary>
    private static bool IsOfNow(Exception problem) => problem switch
    {
        PostgresException server => server.SqlState is PostgresErrorCodes.DiskFull or PostgresErrorCodes.OutOfMemory or PostgresErrorCodes.TooManyConnections
            or PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow or PostgresErrorCodes.QueryCanceled,
        // A name that no one has is a mistake in the address.
        SocketException socket => socket.SocketErrorCode is not (SocketError.HostNotFound or SocketError.NoData),
        TimeoutException => true,
        IOException => problem is not (FileNotFoundException or DirectoryNotFoundException),
        NpgsqlException { InnerException: { } inner } => IsOfNow(inner),
        _ => false,
    };

    private static string? Meaning(Exception problem, PostgresAddress address) => problem switch
    {
        PostgresException server => Meaning(server, address),
        NpgsqlException driver => Meaning(driver),
        SocketException socket => NoServer(socket),
        TimeoutException => NoAnswer,
        AuthenticationException or CryptographicException => $"the connection cannot be made secure: {Said(problem)}. Fix sslmode or sslrootcert in the address.",
        FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException => $"a file named by the address or the environment cannot be read: {Said(problem)}.",
        IOException => Lost(problem),
        // What the driver says about a type that it does not find on the server.
        InvalidCastException or NotSupportedException =>
            $"the server's vector type is not pgvector's, or exists in more than one schema ({Said(problem)}). List them with \\dT vector, and keep only the one from CREATE EXTENSION vector.",
        _ => null,
    };

    private static string Meaning(PostgresException problem, PostgresAddress address) => problem.SqlState switch
    {
        PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification =>
            $"the server rejected this user: {Said(problem)}. Correct the user and password in the address, or set PGPASSWORD.",
        PostgresErrorCodes.InvalidCatalogName => $"{Said(problem)}. Create it (createdb {address.Connection.Database}), or name another one after the last /.",
        PostgresErrorCodes.InsufficientPrivilege => $"{Said(problem)}. Ask its owner to GRANT the permission, or use another user.",
        PostgresErrorCodes.DiskFull or PostgresErrorCodes.OutOfMemory => $"the server is out of space: {Said(problem)}. Free some there. {Kept}",
        PostgresErrorCodes.TooManyConnections => $"the server accepts no more connections: {Said(problem)}. Run fewer programs at once, or raise its max_connections.",
        PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow =>
            $"the server is stopping or starting: {Said(problem)}. {Kept}",
        PostgresErrorCodes.QueryCanceled => $"the server cancelled a statement: {Said(problem)}. Raise its statement_timeout for this user. {Kept}",
        PostgresErrorCodes.ReadOnlySqlTransaction => $"the server is read-only: {Said(problem)}. Give the address of the primary server.",
        PostgresErrorCodes.UndefinedTable => $"{Said(problem)}: it has been removed. Create it again with {Wording.Of("PostgresStore.OpenOrCreateAsync", "condembed index")}.",
        PostgresErrorCodes.UndefinedObject => $"{Said(problem)}. If that is pgvector's type, run this once in the database: CREATE EXTENSION vector",
        _ => $"the server says {problem.SqlState}: {Said(problem)}.",
    };

    private static string Meaning(NpgsqlException problem) => problem switch
    {
        { InnerException: SocketException socket } => NoServer(socket),
        { InnerException: TimeoutException } => NoAnswer,
        _ when problem.Message.Contains("No password", StringComparison.Ordinal) =>
            "the server requires a password and none was given. Set PGPASSWORD, or write postgres://user:password@host/database.",
        { InnerException: IOException inner } => Lost(inner),
        _ when problem.Message.Contains("No SSL enabled", StringComparison.Ordinal) =>
            "the server offers no encryption, which sslmode asks for. Turn ssl on in the server's settings, or write sslmode=prefer in the address where the network can be trusted.",
        // What answers an SSLRequest otherwise is another kind of server.
        _ when problem.Message.Contains("unknown response", StringComparison.Ordinal) =>
            "what answers there is not a PostgreSQL server. Correct the host and port in the address.",
        _ => $"{Said(problem)}{(problem.InnerException is { } inner ? $" ({Said(inner)})" : "")}.",
    };

    private const string NoAnswer = "the server does not answer in time. Check whether it is overloaded, or correct the host and port in the address.";

    private static string Lost(Exception problem) => $"the connection to the server was lost: {Said(problem)}. Check that it is running. {Kept}";

    private static string NoServer(SocketException problem) =>
        $"no PostgreSQL server answers there: {Said(problem)}. Start it, or correct the host and port in the address.";

    private static string Said(Exception problem) => (problem as PostgresException)?.MessageText ?? problem.Message.TrimEnd('.');
}
