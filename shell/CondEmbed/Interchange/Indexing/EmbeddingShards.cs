using System.Diagnostics;
using CondEmbed.Search;

namespace CondEmbed.Interchange;

/// <summary>The files that <see cref="ShardWriter"/> has written, of one network and one list of images.</summary>
public sealed class EmbeddingShards
{
    private readonly string[] paths;

    private EmbeddingShards(string[] paths, StoreNetwork network, IReadOnlyList<string> missing) =>
        (this.paths, Network, Missing, Count) = (paths, network, missing, paths.Sum(RowsOf));

    /// <summary>Whose embeddings they are.</summary>
    public StoreNetwork Network { get; }

    /// <summary>The names of those of the set that are not among them.</summary>
    public IReadOnlyList<string> Missing { get; }

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
        string[] inOrder = [.. headers.Zip(paths).OrderBy(pair => pair.First.Shard.Index).Select(pair => pair.Second)];
        var count = first.Shard.Count;
        return new EmbeddingShards(inOrder, first.Network, [.. Absent(count, headers.Select(header => header.Shard.Index)).Select(index => new Shard(index, count).FileName)]);
    }

    /// <summary>Opens the shards that a manifest lists, and checks that they have the sums that it says.</summary>
    /// <param name="manifest">The manifest.</param>
    /// <param name="allowMissing">Whether some of the N may be missing.</param>
    /// <param name="progress">Receives progress reports.</param>
    /// <param name="cancellationToken">Ends the check with an OperationCanceledException.</param>
    /// <exception cref="InputException">A file has another sum, belongs to another network or other images, or is missing.</exception>
    public static EmbeddingShards Of(
        ShardManifest manifest, bool allowMissing = false, IProgress<RunProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        var watch = Stopwatch.StartNew();
        var there = manifest.Files.Where(file => File.Exists(Path.Combine(manifest.Folder, file.File))).ToList();
        DemandAll(manifest.Shards, [.. there.Select(file => file.Shard)], allowMissing);
        foreach (var (done, file) in there.Index())
        {
            cancellationToken.ThrowIfCancellationRequested();
            var path = Path.Combine(manifest.Folder, file.File);
            if (ShardManifest.SumOf(path) != (file.Bytes, file.Sha256))
            {
                throw new InputException($"{path}: is not the file whose sum {manifest.Source} has: it was changed or damaged. Copy it once more, or make it again with {Making(file.Shard, manifest.Shards, again: true)}.");
            }

            manifest.Header.DemandSame(HeaderOf(path), manifest.Source, "give a manifest that was written with its shards");
            progress?.Report(new RunProgress("checking sums", done + 1, there.Count) { Elapsed = watch.Elapsed });
        }

        return Open([.. there.Select(file => Path.Combine(manifest.Folder, file.File))], allowMissing);
    }

    /// <summary>All rows, in the order of the images; one group of rows is in memory at a time.</summary>
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

        DemandAll(headers[0].Shard.Count, byIndex.Keys, allowMissing);
    }

    private static IEnumerable<int> Absent(int count, IEnumerable<int> there) => Enumerable.Range(1, count).Except(there);

    private static void DemandAll(int count, IReadOnlyCollection<int> there, bool allowMissing)
    {
        var missing = Absent(count, there).ToList();
        if (missing.Count > 0 && !allowMissing)
        {
            var named = string.Join(", ", missing.Take(20).Select(index => new Shard(index, count).FileName));
            throw new InputException(
                $"{missing.Count.ToString(CultureInfo.InvariantCulture)} of {count} shards are missing: {named}{(missing.Count > 20 ? ", ..." : "")}; "
                + $"make them with {Making(missing[0], count, again: false)}, or continue without them: {Wording.Of("allowMissing: true", "--allow-missing")}");
        }
    }

    private static string Making(int index, int count, bool again) =>
        Wording.Of($"ShardWriter and new Shard({index}, {count})", $"'condembed embed ... --shard {index}/{count}{(again ? " --again" : "")}'");

    internal static long RowsOf(string path) => Reading(path, file => Enumerable.Range(0, file.Groups).Sum(file.Rows));

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
