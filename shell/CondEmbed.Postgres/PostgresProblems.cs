using System.Net.Sockets;
using Npgsql;

namespace CondEmbed.Postgres;

/// <summary>Says what went wrong with a server, and how to mend it.</summary>
internal static class PostgresProblems
{
    /// <summary>Runs work, and turns what a user can mend into an InputException.</summary>
    internal static async Task<T> Named<T>(PostgresAddress address, Func<Task<T>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (PostgresException problem)
        {
            throw new InputException($"{address}: {Meaning(problem, address)}");
        }
        catch (NpgsqlException problem)
        {
            throw new InputException($"{address}: {Meaning(problem)}");
        }
        catch (SocketException problem)
        {
            throw new InputException($"{address}: {NoServer(problem)}");
        }
    }

    private static string Meaning(PostgresException problem, PostgresAddress address) => problem.SqlState switch
    {
        PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification =>
            $"the server does not let this user in: {problem.MessageText}. Mend user and password in the address, or set PGPASSWORD.",
        PostgresErrorCodes.InvalidCatalogName => $"{problem.MessageText}. Create it (createdb {address.Connection.Database}), or name another behind the last /.",
        PostgresErrorCodes.InsufficientPrivilege => $"{problem.MessageText}. Let its owner GRANT the right, or use another user.",
        _ => $"the server says {problem.SqlState}: {problem.MessageText}.",
    };

    private static string Meaning(NpgsqlException problem) => problem switch
    {
        { InnerException: SocketException socket } => NoServer(socket),
        { InnerException: TimeoutException } => "the server does not answer in time. Look whether it is overloaded, or mend host and port in the address.",
        _ when problem.Message.Contains("No password", StringComparison.Ordinal) =>
            "the server asks for a password and none is given. Set PGPASSWORD, or write postgres://user:password@host/database.",
        _ => $"{problem.Message.TrimEnd('.')}{(problem.InnerException is { } inner ? $" ({inner.Message.TrimEnd('.')})" : "")}.",
    };

    private static string NoServer(SocketException problem) =>
        $"no PostgreSQL server answers there: {problem.Message}. Start it, or mend host and port in the address.";
}
