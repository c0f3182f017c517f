namespace CondEmbed.Images;

/// <summary>Shows what the network sees: the evaluation view next to random training views.</summary>
public static class Preview
{
    // Small views are enlarged to about this side, so that people can judge them.
    private const int ComfortableSide = 112;

    /// <summary>A sheet with a row for each image: its evaluation view, then its training views.</summary>
    /// <param name="reader">Reads the images.</param>
    /// <param name="indices">Which images, one per row.</param>
    /// <param name="caption">The caption below an image's first view; null for none.</param>
    /// <param name="evaluation">The evaluation view.</param>
    /// <param name="training">The random views; null shows none.</param>
    /// <param name="views">How many random views per row.</param>
    /// <param name="seed">The run's seed: view k is what step k shows in slot row.</param>
    /// <exception cref="BadImageException">An image cannot be used.</exception>
    public static RgbImage Sheet(
        ImageReader reader, IReadOnlyList<int> indices, Func<int, string>? caption, EvalTransform evaluation,
        TrainTransform? training = null, int views = 7, long seed = 0)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(indices);
        ArgumentNullException.ThrowIfNull(evaluation);
        var random = training is null ? 0 : views;
        var tiles = new List<Tile>(indices.Count * (random + 1));
        for (var row = 0; row < indices.Count; row++)
        {
            var image = reader.Read(indices[row]);
            tiles.Add(new Tile(evaluation.Apply(image), caption?.Invoke(indices[row])));
            for (var view = 0; view < random; view++)
            {
                var stream = SeededRandom.For(seed, view, row);
                tiles.Add(new Tile(training!.Apply(image, ref stream)));
            }
        }

        var columns = training is null ? (int)Math.Ceiling(Math.Sqrt(indices.Count)) : random + 1;
        return ContactSheet.Compose(tiles, columns, Math.Max(ComfortableSide / evaluation.Crop, 1));
    }

    /// <summary>The first image of each of a few classes, spread evenly over the classes in order of appearance.</summary>
    /// <param name="labels">The class of each image.</param>
    /// <param name="classes">At most this many images.</param>
    public static IReadOnlyList<int> OnePerClass<T>(IReadOnlyList<T> labels, int classes)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(labels);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(classes);
        var seen = new HashSet<T>();
        int[] firsts = [.. Enumerable.Range(0, labels.Count).Where(index => seen.Add(labels[index]))];
        var count = Math.Min(classes, firsts.Length);
        return [.. Enumerable.Range(0, count).Select(i => firsts[(int)((long)i * firsts.Length / count)])];
    }
}
