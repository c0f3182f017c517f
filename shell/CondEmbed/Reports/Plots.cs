using CondEmbed.Evaluation;
using ScottPlot;
using TorchSharp;

namespace CondEmbed.Reports;

/// <summary>A curve of a plot.</summary>
/// <param name="Name">What it is, for the legend.</param>
/// <param name="Values">Its height at 1, 2, 3, ...; numbers that are not finite leave a gap.</param>
public sealed record PlotCurve(string Name, IEnumerable<double> Values);

/// <summary>Pictures of a run, written as PNG or SVG by the ending of the file's name.</summary>
public static class Plots
{
    private const int Width = 720;
    private const int Height = 480;
    private const int MostClasses = 10;

    /// <summary>Learning curves over the step.</summary>
    /// <param name="file">Where to, a .png or .svg; its folder is made when missing.</param>
    /// <param name="title">What is shown.</param>
    /// <param name="curves">At least one.</param>
    /// <exception cref="InputException">Another ending, or the file cannot be written.</exception>
    public static void Curves(string file, string title, IEnumerable<PlotCurve> curves)
    {
        ArgumentNullException.ThrowIfNull(curves);
        using var plot = Titled(title);
        foreach (var curve in curves)
        {
            double[] values = [.. curve.Values.Select(value => double.IsFinite(value) ? value : double.NaN)];
            double[] steps = [.. Enumerable.Range(1, values.Length).Select(step => (double)step)];
            var line = plot.Add.ScatterLine(steps, values);
            line.LegendText = curve.Name;
            line.LineWidth = 2;
        }

        plot.XLabel("step");
        plot.ShowLegend(Alignment.UpperRight);
        Save(plot, file);
    }

    /// <summary>
    /// Embeddings on the plane of their two principal components, a dot each. The ten classes with the most embeddings (of equally many, the first by name) have
    /// colours of their own, all others are grey.
    /// </summary>
    /// <param name="file">Where to, a .png or .svg; its folder is made when missing.</param>
    /// <param name="title">What is shown.</param>
    /// <param name="embeddings">N D.</param>
    /// <param name="labels">N, the name of each one's class.</param>
    /// <exception cref="ArgumentException">There is not one label for each embedding.</exception>
    /// <exception cref="InputException">Another ending, or the file cannot be written.</exception>
    public static void Map(string file, string title, Embeddings<float> embeddings, IReadOnlyList<string> labels)
    {
        ArgumentNullException.ThrowIfNull(embeddings);
        ArgumentNullException.ThrowIfNull(labels);
        if (labels.Count != embeddings.Count)
            throw new ArgumentException($"{embeddings.Count} embeddings but {labels.Count} labels", nameof(labels));
        var places = PrincipalComponents.Plane(embeddings);
        var classes = labels.Index().GroupBy(one => one.Item, one => one.Index, StringComparer.Ordinal)
            .OrderByDescending(one => one.Count()).ThenBy(one => one.Key, StringComparer.Ordinal).ToList();
        using var plot = Titled(title);
        if (classes.Count > MostClasses)
            Dots(plot, $"{classes.Count - MostClasses} other classes", classes.Skip(MostClasses).SelectMany(one => one), Colors.LightGray, 4);
        var palette = new ScottPlot.Palettes.Category10();
        foreach (var (number, one) in classes.Take(MostClasses).Index())
            Dots(plot, one.Key, one, palette.GetColor(number), 8);
        plot.XLabel("first principal component");
        plot.YLabel("second");
        plot.ShowLegend(Edge.Right);
        Save(plot, file);

        void Dots(Plot plot, string name, IEnumerable<int> items, Color colour, float size)
        {
            int[] all = [.. items];
            var dots = plot.Add.ScatterPoints(Array.ConvertAll(all, item => places[item].X), Array.ConvertAll(all, item => places[item].Y), colour);
            dots.LegendText = name;
            dots.MarkerSize = size;
        }
    }

    /// <summary>The same of a tensor.</summary>
    /// <param name="file">Where to, a .png or .svg; its folder is made when missing.</param>
    /// <param name="title">What is shown.</param>
    /// <param name="embeddings">N D.</param>
    /// <param name="labels">N, the name of each one's class.</param>
    public static void Map(string file, string title, torch.Tensor embeddings, IReadOnlyList<string> labels) =>
        Map(file, title, TensorEmbeddings.Of(embeddings), labels);

    private static Plot Titled(string title)
    {
        var plot = new Plot();
        plot.Title(title);
        return plot;
    }

    private static byte[] Png(Plot plot)
    {
        using var image = plot.GetImage(Width, Height);
        return image.GetImageBytes(ImageFormat.Png);
    }

    private static void Save(Plot plot, string file)
    {
        var ending = Path.GetExtension(file).ToUpperInvariant();
        byte[] bytes = ending switch
        {
            ".PNG" => Png(plot),
            ".SVG" => System.Text.Encoding.UTF8.GetBytes(plot.GetSvgXml(Width, Height)),
            _ => throw new InputException($"{file}: the ending '{Path.GetExtension(file)}' is neither .png nor .svg; one of the two is what is written"),
        };
        AtomicFile.MakeFolder(Path.GetDirectoryName(Path.GetFullPath(file))!);
        AtomicFile.Write(file, stream => stream.Write(bytes));
    }
}
