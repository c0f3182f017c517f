using CondEmbed.Search;
using Pgvector;

namespace CondEmbed.Postgres;

/// <summary>Images in the form that the server takes: every id once, in order.</summary>
internal sealed record PostgresBlock(byte[][] Ids, string[] Paths, string[] Labels, Vector[] Embeddings)
{
    internal int Count => Ids.Length;

    internal static PostgresBlock Of(IReadOnlyList<StoreItem> items, int dimension)
    {
        Nulls.Demand(items);
        List<StoreItem> distinct = [.. items.GroupBy(item => item.Id, StringComparer.Ordinal).Select(same => same.Last())];
        distinct.ForEach(item => item.Demand(dimension));
        return new PostgresBlock(
            [.. distinct.Select(item => Bytes(item.Id))],
            [.. distinct.Select(item => Text(item.Path))],
            [.. distinct.Select(item => Text(item.Label))],
            [.. distinct.Select(item => new Vector(item.Embedding))]);
    }

    internal static byte[] Bytes(string id) =>
        ImageId.IsOne(id)
            ? Convert.FromHexString(id)
            : throw new ArgumentException($"'{id}' is not an image id, which has {ImageId.Length} hexadecimal digits");

    // The replacement for characters that the server's text type cannot store.
    internal static string Text(string text) => text.Replace('\0', '\uFFFD');
}
