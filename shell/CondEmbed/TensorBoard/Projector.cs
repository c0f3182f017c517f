using CondEmbed.Search;

namespace CondEmbed.TensorBoard;

/// <summary>Embeddings with their labels and images, as TensorBoard's projector reads them.</summary>
internal static class Projector
{
    /// <summary>The projector does not rotate smoothly with more points than this.</summary>
    internal const int MostPoints = 5000;

    private const int MostSide = 8192;
    private const int LargestThumbnail = 64;

    /// <summary>Writes <c>embeddings.tsv</c>, <c>metadata.tsv</c>, <c>sprite.png</c> and what names them; if there are more than 5,000 points, that many evenly spread.</summary>
    /// <param name="folder">TensorBoard's folder of the run.</param>
    /// <param name="embeddings">N embeddings.</param>
    /// <param name="label">Label of the n-th.</param>
    /// <param name="path">Path of the n-th.</param>
    /// <param name="image">Image of the n-th; asked for on several threads.</param>
    internal static void Write(string folder, Embeddings<float> embeddings, Func<int, string> label, Func<int, string> path, Func<int, RgbImage> image)
    {
        var count = Math.Min(embeddings.Count, MostPoints);
        int[] shown = [.. Enumerable.Range(0, count).Select(n => (int)((long)n * embeddings.Count / count))];
        var columns = (int)Math.Ceiling(Math.Sqrt(count));
        var side = Math.Min(LargestThumbnail, MostSide / Math.Max(1, columns));

        Directory.CreateDirectory(folder);
        AtomicFile.WriteText(Path.Combine(folder, "embeddings.tsv"), Lines(shown.Select(n => Numbers(embeddings.Row(n)))));
        AtomicFile.WriteText(Path.Combine(folder, "metadata.tsv"), "label\tpath\n" + Lines(shown.Select(n => $"{Plain(label(n))}\t{Plain(path(n))}")));
        ImageEncoder.SavePng(Sprite(shown, columns, side, image), Path.Combine(folder, "sprite.png"));
        AtomicFile.WriteText(Path.Combine(folder, "projector_config.pbtxt"), Description(side));
    }

    private static string Lines(IEnumerable<string> lines) => string.Concat(lines.Select(line => line + "\n"));

    private static string Numbers(ReadOnlySpan<float> row) => string.Join('\t', row.ToArray().Select(number => number.ToString("R", CultureInfo.InvariantCulture)));

    /// <summary>A label is one field of a table, whatever it contains.</summary>
    private static string Plain(string text) => string.Concat(text.Select(letter => char.IsControl(letter) ? ' ' : letter));

    /// <summary>As many rows as columns, which the projector assumes.</summary>
    private static RgbImage Sprite(int[] shown, int columns, int side, Func<int, RgbImage> image)
    {
        var sprite = new RgbImage(columns * side, columns * side, default(Rgb));
        ParallelWork.Each(shown.Length, at =>
            sprite.Put(Resampler.Resize(image(shown[at]), side, side, ResampleFilter.Bilinear), at % columns * side, at / columns * side));
        return sprite;
    }

    private static string Description(int side) =>
        $$"""
        embeddings {
          tensor_name: "test images"
          tensor_path: "embeddings.tsv"
          metadata_path: "metadata.tsv"
          sprite {
            image_path: "sprite.png"
            single_image_dim: {{side}}
            single_image_dim: {{side}}
          }
        }

        """;
}
