using System.Diagnostics;
using CondEmbed.Datasets;
using CondEmbed.Options;

namespace CondEmbed.Models;

/// <summary>Images by their numbers -> their content, each as its <see cref="Search.ImageId"/>.</summary>
internal delegate IReadOnlyList<string> IdsOf(IReadOnlyList<int> items);

/// <summary>
/// What the frozen first stages of the encoder make of the images of a run: of V random views of each training image, and of the test view of each other one.
/// Runs with the same stages, images and views share one file. The views do not depend on the run's seed, which only chooses among them.
/// </summary>
internal sealed class TrunkMaps : IDisposable
{
    // As many as fit into a processor's cache; it is a part of what a view is drawn from, so it stays.
    private const int AtOnce = 16;

    private readonly TrunkFile file;
    private readonly long[] shape;
    private readonly int rowLength;
    private readonly string elementType;
    private readonly int views;
    private readonly Dictionary<int, int> trained;
    private readonly Dictionary<int, int> tested;

    private TrunkMaps(RunSettings settings, ClassSplit split, IdsOf idsOf, Session session, Action<string> notice, CancellationToken cancellationToken)
    {
        elementType = settings.Host.TrunkType switch
        {
            TrunkNumber.Float16 => "F16",
            TrunkNumber.Bfloat16 => "BF16",
            TrunkNumber.Float32 => "F32",
            var other => throw new UnreachableException($"there are no bytes for {other}"),
        };
        views = settings.Host.TrunkViews;
        trained = Numbered(split.Train);
        tested = Numbered([.. split.Validation, .. split.Test]);
        var map = session.Trunk(new byte[settings.Core.Size * settings.Core.Size * 3], 1, settings.Core.Size, elementType);
        (shape, rowLength) = (map.Shape, map.Bytes.Length);
        Rows = (trained.Count * views) + tested.Count;
        var key = KeyOf(settings, idsOf, session);
        Path = System.IO.Path.Combine(settings.Host.TrunkCache, $"{Convert.ToHexStringLower(key.AsSpan(0, 16))}.trunk");
        file = Opened(key, notice, cancellationToken);
    }

    internal string Path { get; }

    private int Rows { get; }

    /// <summary>Opens the file, and fills it first if it is not there or only begun.</summary>
    /// <param name="settings">Of the run.</param>
    /// <param name="split">The images of the run.</param>
    /// <param name="reader">Reads them.</param>
    /// <param name="idsOf">Tells their content.</param>
    /// <param name="session">Has the trunk, with its weights.</param>
    /// <param name="workers">Threads that read images.</param>
    /// <param name="notice">Told what the file is and how large.</param>
    /// <param name="progress">Called with the number of maps done and the total.</param>
    /// <param name="cancellationToken">Ends the filling; what is there stays for the next time.</param>
    /// <exception cref="InputException">The file cannot be used.</exception>
    /// <exception cref="DiskException">The disk is full or failing.</exception>
    internal static TrunkMaps Open(
        RunSettings settings, ClassSplit split, ImageReader reader, IdsOf idsOf, Session session, LoaderOptions workers,
        Action<string> notice, Action<int, int> progress, CancellationToken cancellationToken) =>
#pragma warning disable IDISP004 // OrDispose gives it back, or disposes of it.
        new TrunkMaps(settings, split, idsOf, session, notice, cancellationToken).OrDispose(maps =>
        {
            notice(maps.Describe());
            maps.Fill(settings, reader, session, workers, progress, cancellationToken);
        });
#pragma warning restore IDISP004

    /// <summary>B training images -> their maps, each of one of its views, which the seed, the step and the place in the batch choose.</summary>
    internal TensorData Drawn(long seed, int step, BatchPlan plan) =>
        Maps(plan.Indices.Length, slot => (SeededRandom.For(seed, step, plan.First + slot).Next(views) * trained.Count) + trained[plan.Indices[slot]]);

    /// <summary>B training images -> the maps of their first views.</summary>
    internal TensorData First(IReadOnlyList<int> items) => Maps(items.Count, slot => trained[items[slot]]);

    /// <summary>B images of validation or test -> the maps of their test views.</summary>
    internal TensorData Tested(IReadOnlyList<int> items) => Maps(items.Count, slot => (views * trained.Count) + tested[items[slot]]);

    public void Dispose() => file.Dispose();

    private static Dictionary<int, int> Numbered(IReadOnlyList<int> items) =>
        items.Distinct().Select((item, place) => (item, place)).ToDictionary(pair => pair.item, pair => pair.place);

    /// <summary>Stands for everything that the maps are made of: the content of every image, how it is seen, and the stages with their weights.</summary>
    private byte[] KeyOf(RunSettings settings, IdsOf idsOf, Session session)
    {
        var ids = idsOf([.. trained.Keys, .. tested.Keys]);
        // The views of training are made of the images in a cache of decoded ones.
        var shrunk = settings.Host.Cache.Length > 0 ? FormattableString.Invariant($"{settings.Host.CacheSide} {settings.Host.Filter}\n") : "";
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{elementType} {views} {settings.Core.Encoder}\n{Views.ForTraining(settings)}\n{Views.ForTesting(settings)}\n{shrunk}"));
        hash.AppendData(Encoding.UTF8.GetBytes(string.Join('\n', ids)));

        foreach (var tensor in session.TrunkWeights())
        {
            hash.AppendData(MemoryMarshal.AsBytes(tensor.Name.AsSpan()));
            hash.AppendData(tensor.Bytes);
        }

        return hash.GetHashAndReset();
    }

    /// <summary>The file, once no other run fills it.</summary>
    private TrunkFile Opened(byte[] key, Action<string> notice, CancellationToken cancellationToken)
    {
        for (var waits = 0; ; waits++)
        {
            if (TrunkFile.TryOpen(Path, key, Rows, rowLength) is { } open)
            {
                return open;
            }

            if (waits == 0)
            {
                notice($"frozen stages: another run computes {Path}; waiting for it");
            }

            cancellationToken.WaitHandle.WaitOne(TimeSpan.FromSeconds(1));
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private string Describe()
    {
        var size = TrunkFile.LengthOf(Rows, rowLength);
        var state = file.Missing == 0 ? "found" : file.Missing == Rows ? "to be computed" : $"{Readable.Count(file.Missing)} of them to be computed";
        return FormattableString.Invariant($"frozen stages: {Readable.Count(Rows)} maps of {shape[1]} x {shape[2]} x {shape[3]}, {rowLength / 1e3:0} kB each, {size / 1e6:#,0} MB in {Path}: {state}");
    }

    private TensorData Maps(int count, Func<int, int> rowOf)
    {
        var bytes = new byte[(long)count * rowLength];
        ParallelWork.Each(count, slot => file.Read(rowOf(slot), bytes.AsSpan(slot * rowLength, rowLength)));
        return new TensorData("maps", elementType, [count, .. shape[1..]], bytes);
    }

    private void Fill(RunSettings settings, ImageReader reader, Session session, LoaderOptions workers, Action<int, int> progress, CancellationToken cancellationToken)
    {
        if (file.Missing == 0)
        {
            file.Finish();
            return;
        }

        var loader = new BatchLoader(reader, workers);
        int[] training = [.. trained.Keys], others = [.. tested.Keys];
        var rows = training.Length * views;
        // A view is drawn by its place in a batch: batches begin where they always do. Those of tests are not drawn.
        var first = Enumerable.Range(0, rows).FirstOrDefault(row => !file.Has(row), rows) / AtOnce;
        int[] missing = [.. others.Where(item => !file.Has(rows + tested[item]))];

        foreach (var batch in loader.Run(RandomViews, Views.ForTraining(settings), 0, first, (rows + AtOnce - 1) / AtOnce, cancellationToken))
        {
            using (batch)
                Keep(batch, slot => (batch.Step * AtOnce) + slot);
        }

        foreach (var batch in loader.InOrder(missing, null, AtOnce, Views.ForTesting(settings), cancellationToken: cancellationToken))
        {
            using (batch)
                Keep(batch, slot => rows + tested[batch.Indices[slot]]);
        }

        file.Finish();

        BatchPlan RandomViews(int step)
        {
            var start = step * AtOnce;
            int[] items = [.. Enumerable.Range(start, Math.Min(AtOnce, rows - start)).Select(row => training[row % training.Length])];
            return new BatchPlan(items, new long[items.Length]);
        }

        void Keep(PixelBatch batch, Func<int, int> rowOf)
        {
            var maps = session.Trunk(batch.Pixels, batch.Count, batch.Size, elementType).Bytes;

            for (var slot = 0; slot < batch.Count; slot++)
            {
                file.Write(rowOf(slot), maps.AsSpan(slot * rowLength, rowLength));
            }

            progress(Rows - file.Missing, Rows);
        }
    }
}
