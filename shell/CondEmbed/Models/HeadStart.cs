using CondEmbed.Datasets;
using CondEmbed.Options;
using CondEmbed.Teams;

namespace CondEmbed.Models;

/// <summary>Starts the head of a network with the principal directions of the pooled features of training images.</summary>
internal static class HeadStart
{
    // Enough for as many directions as an embedding usually has, and they take seconds to find.
    private const int MostImages = 2048;

    /// <summary>Reads training images, drawn by the seed, and starts the head by them: by their test views, or by the first of the views that the frozen stages' maps are kept of.</summary>
    /// <param name="settings">Of the run.</param>
    /// <param name="split">The images of the run.</param>
    /// <param name="reader">Reads them.</param>
    /// <param name="session">Has the weights that training starts from.</param>
    /// <param name="workers">Threads that read images.</param>
    /// <param name="trunk">What the frozen stages make of the images, if it is kept.</param>
    /// <param name="together">Processes of which each computes the features of a share of the images.</param>
    /// <param name="progress">Called with the number of images done and the total.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>How many images there were.</returns>
    internal static int Give(
        RunSettings settings, ClassSplit split, ImageReader reader, Session session, LoaderOptions workers,
        TrunkMaps? trunk, TeamWork together, Action<int, int> progress, CancellationToken cancellationToken)
    {
        var items = Drawn(split.Train, settings.Core.Seed);
        var pass = new EmbeddingPass(
            (pixels, count) => session.Pool(pixels, count, settings.Core.Size),
            session.PooledFeatures,
            Views.ForTesting(settings),
            EmbeddingPass.AtOnce(settings.Core),
            workers,
            trunk is null ? null : some => session.PoolOnTrunk(trunk.First(some)),
            together);
        session.StartHead(pass.Embed(reader, items, done => progress(done, items.Length), cancellationToken).Values);
        return items.Length;
    }

    private static int[] Drawn(IReadOnlyList<int> images, int seed)
    {
        int[] items = [.. images.Distinct()];
        var order = new int[items.Length];
        var random = SeededRandom.Of((ulong)seed);
        random.Permutation(order);
        return [.. order.Take(MostImages).Select(place => items[place])];
    }
}
