using System.Globalization;
using System.Text.RegularExpressions;

namespace CondEmbed.Postgres;

/// <summary>The parts of a libpq URI, decoded. By hand, since <see cref="Uri"/> changes some names as it reads them.</summary>
internal sealed partial record PostgresUri(string User, string? Password, string Host, int? Port, string Database, IReadOnlyList<(string Name, string Value)> Parameters)
{
    private const string Form =
        "postgres://user:password@host:port/database?table=NAME is expected, special characters percent-encoded (@ is %40, / is %2F, ? is %3F, : is %3A)";

    internal static PostgresUri Split(string uri)
    {
        if (!PostgresAddress.Recognises(uri))
        {
            // Nothing of it is shown, since it may contain a password.
            var what = ConnectionString().IsMatch(uri) ? ", and this is a connection string in .NET's form" : "";
            throw new InputException($"a store address begins with postgres://{what}; {Form}");
        }

        var rest = uri[(uri.IndexOf("//", StringComparison.Ordinal) + 2)..];
        if (rest.LastIndexOf('@') > rest.AsSpan().IndexOfAny('/', '?') && rest.AsSpan().IndexOfAny('/', '?') >= 0)
        {
            // What comes before it is the beginning of a password, which must not be shown.
            throw new InputException($"a store address: there is an @ after a / or a ?; {Form}");
        }

        var (place, query) = Cut(rest, rest.IndexOf('?', StringComparison.Ordinal));
        var (authority, database) = Cut(place, place.IndexOf('/', StringComparison.Ordinal));
        var at = authority.LastIndexOf('@');
        var (user, password) = at < 0 ? ("", null) : Cut(authority[..at], authority.IndexOf(':', StringComparison.Ordinal) is var colon && colon < at ? colon : -1);
        var (host, port) = HostAndPort(authority[(at + 1)..]);
        return new PostgresUri(Decoded(user), password is null ? null : Decoded(password), Decoded(host), port, Decoded(database ?? ""), [.. Pairs(query)]);
    }

    internal NpgsqlConnectionStringBuilder Connection()
    {
        var builder = new NpgsqlConnectionStringBuilder
        {
            Host = Host.Length > 0 ? Host : "localhost",
            Port = Port ?? NpgsqlConnection.DefaultPort,
            ApplicationName = "condembed",
            // A block may wait for another machine that makes the index of millions of images, and a search may compare them one by one.
            CommandTimeout = 0,
        };
        if (User.Length > 0)
        {
            builder.Username = User;
        }

        if (Password is not null)
        {
            builder.Password = Password;
        }

        if (Database.Length > 0)
        {
            builder.Database = Database;
        }

        return builder;
    }

    private static (string Host, int? Port) HostAndPort(string text)
    {
        var bracket = text.LastIndexOf(']');
        var colon = text.LastIndexOf(':');
        var (host, port) = Cut(text, colon > bracket ? colon : -1);
        if (port is { Length: > 0 } && !(int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and < 65536))
        {
            throw new InputException($"a store address: the port must be a number from 1 to 65535; {Form}");
        }

        return (host.Trim('[', ']'), port is { Length: > 0 } ? int.Parse(port, CultureInfo.InvariantCulture) : null);
    }

    private static IEnumerable<(string Name, string Value)> Pairs(string? query)
    {
        foreach (var pair in (query ?? "").Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = Cut(pair, pair.IndexOf('=', StringComparison.Ordinal));
            yield return (Decoded(name), Decoded(value ?? ""));
        }
    }

    private static (string Before, string? After) Cut(string text, int at) => at < 0 ? (text, null) : (text[..at], text[(at + 1)..]);

    [GeneratedRegex(@"^\s*(Host|Server|User ?Id|User ?name|Password|Port|Database)\s*=", RegexOptions.IgnoreCase)]
    private static partial Regex ConnectionString();

    private static string Decoded(string text) => Uri.UnescapeDataString(text);
}
