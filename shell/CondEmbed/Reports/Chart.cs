namespace CondEmbed.Reports;

/// <summary>A line chart over the step.</summary>
/// <param name="Title">Its heading.</param>
/// <param name="Series">The lines; the first is the main one.</param>
internal sealed record Chart(string Title, IReadOnlyList<ChartSeries> Series)
{
    /// <summary>Whether the values are percentages, as shown on the axis.</summary>
    public bool IsPercent { get; init; }

    /// <summary>Whether noisy lines get a running mean as their main line.</summary>
    public bool Smooth { get; init; }
}

/// <summary>One line of a chart.</summary>
/// <param name="Name">Its name in the legend.</param>
/// <param name="Points">Its points, ascending in x. Where y is not finite, the line is broken.</param>
internal sealed record ChartSeries(string Name, IReadOnlyList<ChartPoint> Points)
{
    /// <summary>Number of points at which a line becomes noisy enough for a running mean.</summary>
    private const int Noisy = 40;

    /// <summary>The range around the line, ascending in x; null if there is none.</summary>
    public IReadOnlyList<ChartRange> Band { get; init; } = [];

    /// <summary>A number of the training steps.</summary>
    public static ChartSeries Of(string name, IEnumerable<StepEntry> steps, Func<StepEntry, double> value) =>
        new(name, [.. steps.Select(step => new ChartPoint(step.Step, value(step)))]);

    /// <summary>A metric of the validation classes, in percent.</summary>
    public static ChartSeries Of(string name, IEnumerable<ValidationEntry> validations, string metric) =>
        new(name, [.. validations.Where(entry => entry.Metrics.ContainsKey(metric)).Select(entry => new ChartPoint(entry.Step, 100 * entry.Metrics[metric]))]);

    /// <summary>A measure of the levels.</summary>
    public static ChartSeries Of(string name, IEnumerable<LevelsEntry> levels, string measure) =>
        new(name, [.. levels.Where(entry => entry.Measures.ContainsKey(measure)).Select(entry => new ChartPoint(entry.Step, entry.Measures[measure]))]);

    /// <summary>The points that can be drawn.</summary>
    public IEnumerable<ChartPoint> Finite => Points.Where(point => point.IsFinite);

    /// <summary>The mean over a window centred on each point (shorter at the ends), or null if the line is short.</summary>
    public ChartSeries? RunningMean()
    {
        var points = Finite.ToArray();
        if (points.Length < Noisy)
        {
            return null;
        }
        var reach = Math.Max(1, points.Length / 50);
        var mean = points.Select((point, i) =>
        {
            var side = Math.Min(reach, Math.Min(i, points.Length - 1 - i));
            return point with { Y = points.AsSpan(i - side, (2 * side) + 1).ToArray().Average(p => p.Y) };
        });
        return this with { Points = [.. mean] };
    }

    /// <summary>At most <paramref name="count"/> points: the lowest and highest of each stretch, so that no peak is lost.</summary>
    public ChartSeries Thinned(int count)
    {
        if (Points.Count <= count)
        {
            return this;
        }
        var stretches = Math.Max(1, count / 2);
        var thinned = Enumerable.Range(0, stretches).SelectMany(i =>
        {
            var from = (int)((long)i * Points.Count / stretches);
            var to = (int)((long)(i + 1) * Points.Count / stretches);
            var stretch = Points.Skip(from).Take(to - from).ToList();
            return new[] { stretch.MinBy(p => p.Y), stretch.MaxBy(p => p.Y) }.Distinct().OrderBy(p => p.X);
        });
        return this with { Points = [.. thinned] };
    }
}

/// <summary>A point of a line.</summary>
internal readonly record struct ChartPoint(double X, double Y)
{
    /// <summary>Whether it can be drawn: finite, and small enough that a range of such numbers is finite too.</summary>
    public bool IsFinite => double.IsFinite(X) && Math.Abs(Y) < 1e100;
}

/// <summary>The range of the values at one x.</summary>
internal readonly record struct ChartRange(double X, double Low, double High);
