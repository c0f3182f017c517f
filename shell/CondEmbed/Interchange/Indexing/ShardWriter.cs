using System.Collections.Concurrent;
using CondEmbed.Datasets;
using CondEmbed.Search;

namespace CondEmbed.Interchange;

/// <summary>Embeds one part of a data set into a Parquet file of its own, so that many machines can share the work and any part can be repeated.</summary>
public static class ShardWriter
{
    private const string Phase = "embedding";

    /// <summary>
    /// Writes <c>part-00001-of-00008.parquet</c> into a folder: <c>id</c>, <c>path</c>, <c>label</c> (strings), <c>embedding</c> (list of float). The file
    /// gets its name only once it is complete, so an existing one of the same network and images is left as it is, if it still has its sum. Beside it lies its <see cref="ShardManifest"/>;
    /// who completes the last shard writes that of all. Only one group of rows is held in memory.
    /// </summary>
    /// <param name="network">The network.</param>
    /// <param name="dataset">All images, the same list on every machine.</param>
    /// <param name="shard">Which part of them.</param>
    /// <param name="folder">The folder, created if missing.</param>
    /// <param name="options">Workers, Label, SkipBad, Settings and Again apply here; Again rewrites an existing file.</param>
    /// <param name="progress">Receives progress reports.</param>
    /// <param name="cancellationToken">Ends the work with an OperationCanceledException, and leaves no file.</param>
    /// <returns>How many rows were written; null if the file already existed.</returns>
    /// <exception cref="InputException">There are shards of another network, of other images or of another number in the folder, or the file has changed, or cannot be read or written.</exception>
    /// <exception cref="BadImageException">An image cannot be used and bad images are not skipped.</exception>
    public static int? Write(
        IEmbeddingNetwork network,
        IImageDataset dataset,
        Shard shard,
        string folder,
        IndexOptions? options = null,
        IProgress<RunProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(shard);
        options ??= new IndexOptions();
        var header = ShardHeader.Of(network, dataset, shard);
        var path = Path.Combine(folder, shard.FileName);
        DemandAlike(folder, header, options.Again);
        if (File.Exists(path) && !options.Again)
        {
            Confirm(path, header, options.Settings);
            ShardManifest.Complete(folder, shard.Count);
            return null;
        }

        AtomicFile.MakeFolder(folder);
        var (rows, sum) = (0, (0L, ""));
        AtomicFile.Write(
            path,
            stream => rows = Write(stream, header, network, dataset, options, progress, cancellationToken),
            complete =>
            {
                sum = ShardManifest.SumOf(complete);
                // Whenever the process is killed, no sum is said to be that of another file.
                ShardManifest.Forget(folder, shard);
            });
        ShardManifest.Write(folder, header, rows, sum, options.Settings);
        ShardManifest.Complete(folder, shard.Count);
        return rows;
    }

    /// <summary>Refuses to put a shard beside one that does not belong with it; one is enough, since that was beside others.</summary>
    private static void DemandAlike(string folder, ShardHeader header, bool again)
    {
        var other = Directory.Exists(folder) ? EmbeddingShards.FilesIn(folder).FirstOrDefault(file => Path.GetFileName(file) != header.Shard.FileName) : null;
        if (other is null)
        {
            return;
        }

        var there = EmbeddingShards.HeaderOf(other);
        if (there.Shard.Count != header.Shard.Count)
        {
            throw new InputException(
                $"{other}: is one of {there.Shard.Count} shards, and this would be one of {header.Shard.Count}. Give another folder, or the same number: {Wording.Of($"new Shard(..., {there.Shard.Count})", $"--shard i/{there.Shard.Count}")}.");
        }

        if (!again)
        {
            there.DemandSame(header, other, $"give another folder, or {Wording.Of("IndexOptions.Again", "--again")} to write all of them again");
        }
    }

    /// <summary>Checks that a shard which is there is the one wanted, and that it still has its sum; one that was killed before it could say its sum says it now.</summary>
    private static void Confirm(string path, ShardHeader header, IReadOnlyDictionary<string, string>? settings)
    {
        var again = Wording.Of("IndexOptions.Again", "--again");
        EmbeddingShards.HeaderOf(path).DemandSame(header, path, $"give another folder, or {again} to write it again");
        var sum = ShardManifest.SumOf(path);
        if (!File.Exists(ShardManifest.Beside(path)))
        {
            ShardManifest.Write(Path.GetDirectoryName(path)!, header, EmbeddingShards.RowsOf(path), sum, settings);
        }
        else if (ShardManifest.Read(ShardManifest.Beside(path)).Files is not [var said] || (said.Bytes, said.Sha256) != sum)
        {
            throw new InputException($"{path}: is not the file whose sum {ShardManifest.Beside(path)} has: it was changed or damaged. Write it again: {again}.");
        }
    }

    private static int Write(
        Stream stream,
        ShardHeader header,
        IEmbeddingNetwork network,
        IImageDataset dataset,
        IndexOptions options,
        IProgress<RunProgress>? progress,
        CancellationToken cancellationToken)
    {
        using var writer = new EmbeddingParquetWriter(stream, network.Dimension, ids: true, paths: true, labels: true, header.Metadata);
        int[] items = [.. header.Shard.Items(dataset.Count, network.BatchSize)];
        var (done, written) = (0, 0);
        var tell = progress.Phase(Phase, items.Length);

        // Whole batches, so that no batch crosses the end of a group.
        foreach (var group in items.Chunk(RowsInGroup(network)))
        {
            var rows = Embed(network, dataset, group, options, cancellationToken);
            if (rows.Paths!.Count > 0)
            {
                writer.Write(rows);
            }

            (done, written) = (done + group.Length, written + rows.Paths.Count);
            tell(done);
        }

        return written;
    }

    private static int RowsInGroup(IEmbeddingNetwork network)
    {
        const int Most = 4096;
        var batches = Math.Max(1, Math.Min(Most, EmbeddingParquetWriter.RowsInGroup(network.Dimension)) / network.BatchSize);
        return batches * network.BatchSize;
    }

    private static EmbeddingGroup Embed(IEmbeddingNetwork network, IImageDataset dataset, int[] items, IndexOptions options, CancellationToken cancellationToken)
    {
        var (values, ids, paths, labels) = (new List<float>(), new List<string>(), new List<string>(), new List<string>());
        var known = new ConcurrentDictionary<int, string>();
        var source = new IdentifiedImages(dataset, (item, id) => known[item] = id);
        foreach (var batch in new BatchLoader(new ImageReader(source), new LoaderOptions(options.Workers))
            .InOrder(items, null, network.BatchSize, network.View, options.SkipBad, cancellationToken))
        {
            using (batch)
            {
                values.AddRange(network.Embed(batch.Pixels, batch.Count));
                foreach (var item in batch.Indices)
                {
                    ids.Add(known[item]);
                    paths.Add(dataset.Items[item].Path);
                    labels.Add(options.Label ?? dataset.Items[item].Label);
                }
            }
        }

        return new EmbeddingGroup(ids, paths, labels, values.ToArray());
    }
}
