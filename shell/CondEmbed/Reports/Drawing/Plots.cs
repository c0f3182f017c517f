using CondEmbed.Evaluation;
using CondEmbed.Search;
using TorchSharp;

namespace CondEmbed.Reports;

/// <summary>A curve of a plot.</summary>
/// <param name="Name">Its name in the legend.</param>
/// <param name="Values">Its height at 1, 2, 3, ...; non-finite numbers leave a gap.</param>
public sealed record PlotCurve(string Name, IEnumerable<double> Values);

/// <summary>Plots of a run, each a self-contained SVG file.</summary>
public static class Plots
{
    private const int MostClasses = 10;

    // The light colours and line styles of a report page, for programs that do not support CSS variables.
    private const string Style = """
        text { font: 12px sans-serif; fill: #444; } .title { font-size: 15px; font-weight: bold; } .end { text-anchor: end; } .middle { text-anchor: middle; }
        .grid { stroke: #ddd; } path { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; } circle { fill: currentColor; }
        .s1 { color: #4150d0; } .s2 { color: #d2691e; } .s3 { color: #0b8285; } .s4 { color: #b0307c; } .s5 { color: #64801c; } .s6 { color: #6d7280; }
        """;

    /// <summary>Learning curves over the step.</summary>
    /// <param name="file">The .svg file; its folder is created if missing.</param>
    /// <param name="title">The title.</param>
    /// <param name="curves">At least one.</param>
    /// <exception cref="InputException">The name does not end in .svg, or the file cannot be written.</exception>
    public static void Curves(string file, string title, IEnumerable<PlotCurve> curves)
    {
        ArgumentNullException.ThrowIfNull(curves);
        var series = curves.Select(curve => new ChartSeries(curve.Name, [.. curve.Values.Select((value, at) => new ChartPoint(at + 1, value))])).ToList();
        var chart = new Chart(title, series);
        Save(file, title, 480, 230, SvgChart.Alone(chart), [.. series.Where(one => one.Finite.Any()).Select((one, at) => (one.Name, Html.Of($"class=\"s{(at % 6) + 1}\"")))]);
    }

    /// <summary>
    /// Embeddings on the plane of their two principal components, one dot each. The ten classes with the most embeddings (of equally many, the first by name) have
    /// their own colours; all others are grey.
    /// </summary>
    /// <param name="file">The .svg file; its folder is created if missing.</param>
    /// <param name="title">The title.</param>
    /// <param name="embeddings">N D, the embeddings.</param>
    /// <param name="labels">N, the class name of each embedding.</param>
    /// <exception cref="ArgumentException">The numbers of labels and embeddings differ.</exception>
    /// <exception cref="InputException">The name does not end in .svg, or the file cannot be written.</exception>
    public static void Map(string file, string title, Embeddings<float> embeddings, IReadOnlyList<string> labels)
    {
        ArgumentNullException.ThrowIfNull(embeddings);
        ArgumentNullException.ThrowIfNull(labels);
        if (labels.Count != embeddings.Count)
            throw new ArgumentException($"{embeddings.Count} embeddings but {labels.Count} labels", nameof(labels));
        var places = MapSection.Fitted(PrincipalComponents.Plane(embeddings));
        var classes = labels.Index().GroupBy(one => one.Item, one => one.Index, StringComparer.Ordinal)
            .OrderByDescending(one => one.Count()).ThenBy(one => one.Key, StringComparer.Ordinal).ToList();
        var others = classes.Skip(MostClasses).SelectMany(one => one).ToList();
        List<(string Name, Html Colour)> legend = [.. classes.Take(MostClasses).Select((one, at) => (one.Key, Html.Of($"style=\"color:hsl({at * 360 / MostClasses},65%,45%)\"")))];
        var dots = legend.Zip(classes, (named, one) => Dots(named.Colour, one, 4)).ToList();
        if (others.Count > 0)
        {
            legend.Add(($"{classes.Count - MostClasses} other classes", Html.Of($"style=\"color:#ccc\"")));
            dots.Insert(0, Dots(legend[^1].Colour, others, 2));
        }

        var names = Html.Of($"<text x=\"320\" y=\"518\" class=\"middle\">first principal component</text><text transform=\"translate(-6 250) rotate(-90)\" class=\"middle\">second</text>");
        Save(file, title, 640, 520, Html.Join([.. dots, names]), legend);

        Html Dots(Html colour, IEnumerable<int> items, int radius) =>
            Html.Of($"<g {colour}>{items.Select(item => Html.Of($"<circle r=\"{radius}\" cx=\"{places[item].X:0.##}\" cy=\"{places[item].Y:0.##}\"/>"))}</g>\n");
    }

    /// <summary>The same for a tensor.</summary>
    /// <param name="file">The .svg file; its folder is created if missing.</param>
    /// <param name="title">The title.</param>
    /// <param name="embeddings">N D, the embeddings.</param>
    /// <param name="labels">N, the class name of each embedding.</param>
    public static void Map(string file, string title, torch.Tensor embeddings, IReadOnlyList<string> labels) =>
        Map(file, title, TensorEmbeddings.Of(embeddings), labels);

    // The drawing with its title above it, and a legend on its right.
    private static void Save(string file, string title, int width, int height, Html drawing, IReadOnlyList<(string Name, Html Colour)> legend)
    {
        if (!Path.GetExtension(file).Equals(".svg", StringComparison.OrdinalIgnoreCase))
            throw new InputException($"{file}: the ending '{Path.GetExtension(file)}' is not .svg, but plots are written as SVG");
        var entries = legend.Select((one, at) => Html.Of(
            $"<g {one.Colour}><circle r=\"5\" cx=\"{width + 24}\" cy=\"{(20 * at) + 12}\"/><text x=\"{width + 36}\" y=\"{(20 * at) + 16}\">{one.Name}</text></g>\n"));
        AtomicFile.MakeFolder(Path.GetDirectoryName(Path.GetFullPath(file))!);
        AtomicFile.WriteText(file, Html.Of($"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="-20 -40 {width + 200} {Math.Max(height, 20 * legend.Count) + 50}" width="{width + 200}">
            <style>{Html.Trusted(Style)}</style><rect x="-20" y="-40" width="100%" height="100%" fill="#fff"/>
            <text class="title middle" x="{width / 2}" y="-16">{title}</text>
            {drawing}
            {entries}</svg>

            """).ToString());
    }
}
