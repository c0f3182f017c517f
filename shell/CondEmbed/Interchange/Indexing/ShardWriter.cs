using System.Collections.Concurrent;
using System.Diagnostics;
using CondEmbed.Common;
using CondEmbed.Datasets;
using CondEmbed.Images;
using CondEmbed.Search;

namespace CondEmbed.Interchange;

/// <summary>Embeds one part of a data set into a Parquet file of its own, so that many machines can share the work and any part can be repeated.</summary>
public static class ShardWriter
{
    private const string Phase = "embedding";

    /// <summary>
    /// Writes <c>part-00001-of-00008.parquet</c> into a folder: <c>id</c>, <c>path</c>, <c>label</c> (strings), <c>embedding</c> (list of float). The file
    /// gets its name only once it is complete, so an existing one of the same network and images is left as it is. Only one group of rows is held in memory.
    /// </summary>
    /// <param name="network">The network.</param>
    /// <param name="dataset">All images, the same list on every machine.</param>
    /// <param name="shard">Which part of them.</param>
    /// <param name="folder">The folder, created if missing.</param>
    /// <param name="options">Workers, Label, SkipBad and Again apply here; Again rewrites an existing file.</param>
    /// <param name="progress">Receives progress reports.</param>
    /// <param name="cancellation">Ends the work with an OperationCanceledException, and leaves no file.</param>
    /// <returns>How many rows were written; null if the file already existed.</returns>
    /// <exception cref="InputException">A file with that name belongs to another network or other images, or cannot be read or written.</exception>
    /// <exception cref="BadImageException">An image cannot be used and bad images are not skipped.</exception>
    public static int? Write(
        IEmbeddingNetwork network,
        IImageDataset dataset,
        Shard shard,
        string folder,
        IndexOptions? options = null,
        IProgress<RunProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(shard);
        options ??= new IndexOptions();
        var header = ShardHeader.Of(network, dataset, shard);
        var path = Path.Combine(folder, shard.FileName);
        if (File.Exists(path) && !options.Again)
        {
            EmbeddingShards.HeaderOf(path).DemandSame(header, path, $"give another folder, or {Wording.Of("IndexOptions.Again", "--again")} to write it again");
            return null;
        }

        AtomicFile.MakeFolder(folder);
        var rows = 0;
        AtomicFile.Write(path, stream => rows = Write(stream, header, network, dataset, options, progress, cancellation));
        return rows;
    }

    private static int Write(
        Stream stream,
        ShardHeader header,
        IEmbeddingNetwork network,
        IImageDataset dataset,
        IndexOptions options,
        IProgress<RunProgress>? progress,
        CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        using var writer = new EmbeddingParquetWriter(stream, network.Dimension, ids: true, paths: true, labels: true, header.Metadata);
        int[] items = [.. header.Shard.Items(dataset.Count, network.BatchSize)];
        var (done, written) = (0, 0);

        // Whole batches, so that no batch crosses the end of a group.
        foreach (var group in items.Chunk(RowsInGroup(network)))
        {
            var rows = Embed(network, dataset, group, options, cancellation);
            if (rows.Paths!.Count > 0)
            {
                writer.Write(rows);
            }

            (done, written) = (done + group.Length, written + rows.Paths.Count);
            progress?.Report(RunProgress.Of(Phase, done, items.Length, watch.Elapsed));
        }

        return written;
    }

    private static int RowsInGroup(IEmbeddingNetwork network)
    {
        const int Most = 4096;
        var batches = Math.Max(1, Math.Min(Most, EmbeddingParquetWriter.RowsInGroup(network.Dimension)) / network.BatchSize);
        return batches * network.BatchSize;
    }

    private static EmbeddingGroup Embed(IEmbeddingNetwork network, IImageDataset dataset, int[] items, IndexOptions options, CancellationToken cancellation)
    {
        var (values, ids, paths, labels) = (new List<float>(), new List<string>(), new List<string>(), new List<string>());
        var known = new ConcurrentDictionary<int, string>();
        var source = new IdentifiedImages(dataset, (item, id) => known[item] = id);
        foreach (var batch in new BatchLoader(new ImageReader(source), new LoaderOptions(options.Workers))
            .InOrder(items, null, network.BatchSize, network.View, options.SkipBad, cancellation))
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
