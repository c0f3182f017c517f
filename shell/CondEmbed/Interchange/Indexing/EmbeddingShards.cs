using System.Globalization;
using CondEmbed.Common;
using CondEmbed.Search;

namespace CondEmbed.Interchange;

/// <summary>The files that <see cref="ShardWriter"/> has written, of one network and one list of images.</summary>
public sealed class EmbeddingShards
{
    private readonly string[] paths;

    private EmbeddingShards(string[] paths, StoreNetwork network, long count) => (this.paths, Network, Count) = (paths, network, count);

    /// <summary>Whose embeddings they are.</summary>
    public StoreNetwork Network { get; }

    /// <summary>How many rows they have together.</summary>
    public long Count { get; }

    /// <summary>The shards in a folder, in the order of their names.</summary>
    public static IReadOnlyList<string> FilesIn(string folder) =>
        [.. Directory.EnumerateFiles(folder, "part-*-of-*.parquet").Order(StringComparer.Ordinal)];

    /// <summary>Opens shards, and checks that they belong together.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="allowMissing">Whether some of the N may be missing.</param>
    /// <exception cref="InputException">One is not a shard, belongs to another network or other images than the first, is given twice, or is missing.</exception>
    public static EmbeddingShards Open(IReadOnlyList<string> paths, bool allowMissing = false)
    {
        ArgumentNullException.ThrowIfNull(paths);
        if (paths.Count == 0)
        {
            throw new InputException("no shards given; they are files such as part-00001-of-00008.parquet");
        }

        var headers = paths.Select(HeaderOf).ToList();
        var first = headers[0];
        for (var at = 1; at < headers.Count; at++)
        {
            first.DemandSame(headers[at], paths[0], $"give only shards that belong with {paths[at]}, or only the others");
            if (headers[at].Shard.Count != first.Shard.Count)
            {
                throw new InputException($"{paths[0]} is one of {first.Shard.Count} shards, {paths[at]} one of {headers[at].Shard.Count}; give one set of shards");
            }
        }

        Demand(headers, paths, allowMissing);
        return new EmbeddingShards([.. paths], first.Network, paths.Sum(path => Reading(path, file => Enumerable.Range(0, file.Groups).Sum(file.Rows))));
    }

    /// <summary>All rows, shard by shard; one group of rows is in memory at a time.</summary>
    /// <exception cref="InputException">A file cannot be read, or a row is not as it should be.</exception>
    public IEnumerable<StoreItem> Items()
    {
        foreach (var path in paths)
        {
            var groups = Reading(path, file => file.Groups);
            for (var group = 0; group < groups; group++)
            {
                foreach (var item in Reading(path, file => Group(path, file, group)))
                {
                    yield return item;
                }
            }
        }
    }

    internal static ShardHeader HeaderOf(string path) =>
        Reading(path, file => ShardHeader.Read(file.Metadata))
            ?? throw new InputException($"{path}: is not a shard: it does not say which network its embeddings come from. Create it with {Wording.Of("ShardWriter", "'condembed embed RUN IMAGES --shard 1/1 --out DIR'")}.");

    private static string Again => Wording.Of("IndexOptions.Again", "--again");

    private static void Demand(List<ShardHeader> headers, IReadOnlyList<string> paths, bool allowMissing)
    {
        var byIndex = headers.Zip(paths).GroupBy(pair => pair.First.Shard.Index).ToDictionary(same => same.Key, same => same.Select(pair => pair.Second).ToList());
        if (byIndex.Values.FirstOrDefault(same => same.Count > 1) is { } twice)
        {
            throw new InputException($"{twice[0]} and {twice[1]} are the same shard; give one of them");
        }

        var count = headers[0].Shard.Count;
        var missing = Enumerable.Range(1, count).Where(index => !byIndex.ContainsKey(index)).ToList();
        if (missing.Count > 0 && !allowMissing)
        {
            var named = string.Join(", ", missing.Take(20).Select(index => new Shard(index, count).FileName));
            throw new InputException(
                $"{missing.Count.ToString(CultureInfo.InvariantCulture)} of {count} shards are missing: {named}{(missing.Count > 20 ? ", ..." : "")}; "
                + $"make them with {Wording.Of($"ShardWriter and new Shard({missing[0]}, {count})", $"'condembed embed ... --shard {missing[0]}/{count}'")}, "
                + $"or continue without them: {Wording.Of("allowMissing: true", "--allow-missing")}");
        }
    }

    private static List<StoreItem> Group(string path, EmbeddingParquetReader file, int group)
    {
        var dimension = ShardHeader.Read(file.Metadata)!.Network.Dimension;
        var (values, starts) = file.Numbers(group);
        var (ids, places, labels) = (file.Texts(group, "id"), file.Texts(group, "path"), file.Texts(group, "label"));
        if (ids is null || places is null || labels is null || starts.Count != ids.Length || values.Length != (long)ids.Length * dimension
            || starts.Where((start, row) => start != row * dimension).Any() || !ids.All(ImageId.IsOne))
        {
            throw new InputException($"{path}: is damaged: row group {group} does not consist of rows of id, path, label and {dimension} numbers. Write it again: {Again}.");
        }

        return [.. ids.Select((id, row) => new StoreItem(id, places[row], labels[row], values.AsMemory(row * dimension, dimension)))];
    }

    private static T Reading<T>(string path, Func<EmbeddingParquetReader, T> read)
    {
        try
        {
            using var file = new EmbeddingParquetReader(path);
            return read(file);
        }
        catch (Exception problem) when (problem is not InputException)
        {
            throw new InputException($"{path}: cannot be read: {problem.Message} If it is damaged, write it again: {Again}.");
        }
    }
}
