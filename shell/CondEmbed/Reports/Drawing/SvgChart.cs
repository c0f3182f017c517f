namespace CondEmbed.Reports;

/// <summary>Draws a line chart as inline SVG. Colours come from the page's style, so that it follows light and dark.</summary>
internal static class SvgChart
{
    private const double Width = 480;
    private const double Height = 230;
    private const double Left = 52;
    private const double Right = Width - 12;
    private const double Top = 10;
    private const double Bottom = Height - 26;

    /// <summary>More points than this are indistinguishable at the chart's width, and would only make the page heavy.</summary>
    private const int MostPoints = 300;

    /// <summary>Number of line styles in the page's style sheet.</summary>
    private const int Styles = 6;

    /// <summary>The chart as a figure: heading, legend with the last values, drawing. Without a finite point it says so instead.</summary>
    public static Html Draw(Chart chart)
    {
        var drawn = chart.Series.Where(series => series.Finite.Any()).ToList();
        var lost = chart.Series.Sum(series => series.Points.Count - series.Finite.Count());
        var body = drawn.Count == 0 ? Html.Of($"<p class=\"none\">Nothing was logged.</p>") : Drawing(chart, drawn);
        var warning = lost == 0
            ? Html.Empty
            : Html.Of($"<p class=\"warning\">{lost} {(lost == 1 ? "value was" : "values were")} not finite (NaN or infinite).</p>");
        // A single line is named by the heading.
        var legend = drawn.Count < 2
            ? Html.Empty
            : Html.Of($"<ul class=\"legend\">{drawn.Select((series, i) => LegendEntry(chart, series, i))}</ul>");
        return Html.Of($"""
            <figure class="chart"><figcaption><h3>{chart.Title}</h3>{legend}</figcaption>
            {body}{warning}</figure>

            """);
    }

    private static Html LegendEntry(Chart chart, ChartSeries series, int index)
    {
        var last = Value((Main(chart, series) ?? series).Finite.Last().Y, chart);
        return Html.Of($"<li class=\"{Style(index)}\"><svg viewBox=\"0 0 18 8\" aria-hidden=\"true\"><path d=\"M1 4H17\"/></svg>{series.Name} <b>{last}</b></li>");
    }

    private static Html Drawing(Chart chart, List<ChartSeries> drawn)
    {
        var points = drawn.SelectMany(series => series.Finite).ToList();
        var x = ChartScale.OfSteps(points.Select(point => point.X), 6);
        var bands = drawn.SelectMany(series => series.Band).SelectMany(range => new[] { range.Low, range.High });
        var (least, most) = chart.IsPercent ? (0, 100) : (double.NegativeInfinity, double.PositiveInfinity);
        var y = ChartScale.Covering(points.Select(point => point.Y).Concat(bands), 4, least, most);
        var summary = string.Join("; ", drawn.Select(series => $"{series.Name} from {Value(series.Finite.First().Y, chart)} to {Value(series.Finite.Last().Y, chart)}"));
        return Html.Of($"""
            <svg class="plot" viewBox="0 0 {Width} {Height}" role="img" aria-label="{chart.Title}: {summary}" data-name="step" data-x="{x.From:R} {x.To:R} {Left} {Right}">
            {Marks(chart, drawn, x, y)}<line class="cursor" y1="{Top}" y2="{Bottom}"/>
            </svg><p class="readout" aria-hidden="true">&nbsp;</p>
            """);
    }

    /// <summary>The chart as a drawing of its own, below its title and between a legend and the axis: which <see cref="Plots"/> writes to a file.</summary>
    public static Html Alone(Chart chart)
    {
        var drawn = chart.Series.Where(series => series.Finite.Any()).ToList();
        var points = drawn.SelectMany(series => series.Finite).ToList();
        return Marks(chart, drawn, ChartScale.OfSteps(points.Select(point => point.X), 6), ChartScale.Covering(points.Select(point => point.Y), 4));
    }

    private static Html Marks(Chart chart, List<ChartSeries> drawn, ChartScale x, ChartScale y) => Html.Of($"""
        {y.Ticks.Select(tick => HorizontalTick(tick, y, chart))}
        {x.Ticks.Select(tick => VerticalTick(tick, x))}
        {drawn.Select((series, i) => Band(series, i, x, y))}{drawn.Select((series, i) => Line(chart, series, i, x, y))}
        <text x="0" y="{Bottom + 19}">step</text>
        """);

    private static Html HorizontalTick(double tick, ChartScale scale, Chart chart)
    {
        var y = scale.Place(tick, Bottom, Top);
        return Html.Of($"<line class=\"grid\" x1=\"{Left}\" x2=\"{Right}\" y1=\"{y:0.#}\" y2=\"{y:0.#}\"/><text class=\"end\" x=\"{Left - 8}\" y=\"{y + 4:0.#}\">{Label(tick, chart)}</text>");
    }

    private static Html VerticalTick(double tick, ChartScale scale)
    {
        var x = scale.Place(tick, Left, Right);
        var label = tick == Math.Floor(tick) ? Readable.Count((long)tick) : Readable.Number(tick);
        return Html.Of($"<text class=\"{(x > Right - 12 ? "end" : "middle")}\" x=\"{x:0.#}\" y=\"{Bottom + 19}\">{label}</text>");
    }

    /// <summary>The running mean as main line with the values pale behind it; or the values, with dots if there are few.</summary>
    private static Html Line(Chart chart, ChartSeries series, int index, ChartScale x, ChartScale y)
    {
        var main = Main(chart, series);
        var pale = main is null ? Html.Empty : Html.Of($"<path class=\"pale\" d=\"{Path(series.Thinned(MostPoints), x, y)}\"/>");
        var shown = (main ?? series).Thinned(MostPoints);
        var dots = shown.Points.Count > 30 ? Html.Empty : Html.Join(shown.Finite.Select(point => Dot(point, x, y)));
        var values = string.Join(' ', shown.Finite.Select(point => $"{Readable.Number(point.X, 9)}:{Value(point.Y, chart)}"));
        return Html.Of($"<g class=\"{Style(index)}\">{pale}<path class=\"line\" data-name=\"{series.Name}\" data-values=\"{values}\" d=\"{Path(shown, x, y)}\"/>{dots}</g>");
    }

    private static Html Band(ChartSeries series, int index, ChartScale x, ChartScale y)
    {
        if (series.Band.Count == 0)
        {
            return Html.Empty;
        }
        var around = series.Band.Select(range => Edge(range.X, range.High)).Concat(series.Band.Reverse().Select(range => Edge(range.X, range.Low)));
        return Html.Of($"<g class=\"{Style(index)}\"><path class=\"band\" d=\"{Path(new ChartSeries(series.Name, [.. around]), x, y)}Z\"/></g>");

        // An interval may exceed the possible values, and so the scale.
        ChartPoint Edge(double at, double value) => new(at, double.IsNaN(value) ? value : Math.Clamp(value, y.From, y.To));
    }

    private static Html Dot(ChartPoint point, ChartScale x, ChartScale y) =>
        Html.Of($"<circle r=\"3\" cx=\"{x.Place(point.X, Left, Right):0.#}\" cy=\"{y.Place(point.Y, Bottom, Top):0.#}\"/>");

    /// <summary>Path data; a new stroke begins after each value that is not finite.</summary>
    private static string Path(ChartSeries series, ChartScale x, ChartScale y)
    {
        var path = new StringBuilder();
        var pen = 'M';
        foreach (var point in series.Points)
        {
            if (!point.IsFinite)
            {
                pen = 'M';
                continue;
            }
            path.Append(CultureInfo.InvariantCulture, $"{pen}{x.Place(point.X, Left, Right):0.#} {y.Place(point.Y, Bottom, Top):0.#}");
            pen = 'L';
        }
        return path.ToString();
    }

    private static ChartSeries? Main(Chart chart, ChartSeries series) => chart.Smooth ? series.RunningMean() : null;

    /// <summary>An axis label, as short as possible.</summary>
    private static string Label(double value, Chart chart) => Readable.Number(value) + (chart.IsPercent ? "%" : "");

    /// <summary>A value of a line, with the same number of decimals for all values of about its size.</summary>
    private static string Value(double value, Chart chart) =>
        chart.IsPercent ? value.ToString("0.0", CultureInfo.InvariantCulture) + "%"
        : Math.Abs(value) is >= 0.01 and < 100 ? value.ToString("0.000", CultureInfo.InvariantCulture)
        : Readable.Number(value, 3);

    private static string Style(int index) => $"s{(index % Styles) + 1}";
}
