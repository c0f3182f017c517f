namespace CondEmbed.Pairs;

/// <summary>A pair of images and the levels' attention in them, as one image: the two, and a row for each level.</summary>
public static class PairSheet
{
    private const int Side = 224;
    private const int SmallSide = 176;

    /// <summary>Draws the sheet.</summary>
    /// <param name="pair">The title.</param>
    /// <param name="first">The name of the first image.</param>
    /// <param name="second">The name of the second one.</param>
    /// <param name="heads">Also show each attention head, as a pair of columns, next to their mean.</param>
    public static RgbImage Draw(PairExplanation pair, string first, string second, bool heads = false)
    {
        ArgumentNullException.ThrowIfNull(pair);
        var side = heads ? SmallSide : Side;
        var (one, other) = (Enlarged(pair.First, side), Enlarged(pair.Second, side));
        var more = heads ? pair.Levels.Max(level => level.First.Count) : 0;
        var white = new RgbImage(1, 1, new Rgb(255, 255, 255));
        var legend = new[] { "similarity", Number("unconditional", pair.Similarity.Unconditional), "", "what is read of each", "in the other's light,", "least to most:" };
        List<Tile> tiles =
        [
            new(Lettering.Lines(legend, side, side, HeatMap.Scale(side - 20, 12))),
            new(one, "A  " + first),
            new(other, "B  " + second),
            .. Enumerable.Range(1, 2 * more).Select(_ => new Tile(white)),
        ];

        foreach (var (index, level) in pair.Levels.Index())
        {
            string[] lines = [Number($"level {index + 1}", pair.Similarity.Levels[index]), "", $"{level.Rows} x {level.Columns} places", level.First.Count == 1 ? "one head" : $"mean of {level.First.Count} heads"];
            tiles.Add(new(Lettering.Lines(lines, side, side)));
            tiles.Add(Map(one, level.FirstMean, level, ""));
            tiles.Add(Map(other, level.SecondMean, level, ""));

            for (var head = 0; head < more; head++)
            {
                tiles.Add(Map(one, level.First[head], level, $"head {head + 1}: "));
                tiles.Add(Map(other, level.Second[head], level, $"head {head + 1}: "));
            }
        }

        return ContactSheet.Compose(tiles, 3 + (2 * more));
    }

    /// <summary>An image resized to the given side with the weights drawn over it.</summary>
    internal static RgbImage Heat(RgbImage view, IReadOnlyList<float> weights, PairAttention level, int side) =>
        HeatMap.Over(Enlarged(view, side), weights, level.Rows, level.Columns);

    /// <summary>The range of the weights, as multiples of what each place would get if all got the same.</summary>
    internal static string Range(IReadOnlyList<float> weights) =>
        FormattableString.Invariant($"{weights.Min() * weights.Count:0.00} to {weights.Max() * weights.Count:0.00} times even");

    internal static RgbImage Enlarged(RgbImage view, int side) => Resampler.Resize(view, side, side, ResampleFilter.Bicubic);

    private static Tile Map(RgbImage image, IReadOnlyList<float> weights, PairAttention level, string head) =>
        new(HeatMap.Over(image, weights, level.Rows, level.Columns), head + Range(weights));

    private static string Number(string name, double value) => FormattableString.Invariant($"{name}  {value:0.000}");
}
