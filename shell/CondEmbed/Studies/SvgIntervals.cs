using CondEmbed.Reports;

namespace CondEmbed.Studies;

/// <summary>Draws the gains of several arms, each as a dot with its interval, next to a line at zero.</summary>
internal static class SvgIntervals
{
    private const double Width = 480;
    private const double Left = 150;
    private const double Right = Width - 22;
    private const double RowHeight = 27;
    private const int LongestName = 22;

    /// <summary>The figure.</summary>
    /// <param name="title">Its heading.</param>
    /// <param name="rows">The gains of the arms, drawn in percentage points; coloured by the interval that decides.</param>
    internal static Html Draw(string title, IReadOnlyList<PairedDifference> rows)
    {
        var scale = ChartScale.Covering(rows.SelectMany(row => new[] { 0, row.Estimate.Mean, row.Estimate.Low, row.Estimate.High }).Select(value => 100 * value), 4);
        var height = (RowHeight * rows.Count) + 28;
        var summary = string.Join("; ", rows.Select(row => $"{row.Arm} {StudyTables.Gain(row.Estimate)}"));
        return Html.Of($"""
            <figure class="chart"><figcaption><h3>{title}</h3></figcaption>
            <svg class="plain" viewBox="0 0 {Width} {height}" role="img" aria-label="{title}: {summary}"><g class="plot">
            {scale.Ticks.Select(tick => Tick(tick, scale, height))}
            {rows.Select((row, place) => Row(row, place, scale))}
            </g></svg><p class="readout" aria-hidden="true">&nbsp;</p></figure>

            """);
    }

    private static Html Tick(double tick, ChartScale scale, double height)
    {
        var x = scale.Place(tick, Left, Right);
        return Html.Of($"<line class=\"{(tick == 0 ? "zero" : "grid")}\" x1=\"{x:0.#}\" x2=\"{x:0.#}\" y1=\"0\" y2=\"{height - 24:0.#}\"/><text class=\"middle\" x=\"{x:0.#}\" y=\"{height - 6:0.#}\">{(tick > 0 ? "+" : "")}{Readable.Number(tick)}</text>");
    }

    private static Html Row(PairedDifference row, int place, ChartScale scale)
    {
        var (name, gain) = (row.Arm, row.Estimate);
        var y = (RowHeight * place) + (RowHeight / 2);
        var kind = row.Deciding.IsGain ? "gain" : row.Deciding.IsLoss ? "loss" : "even";
        double At(double value) => scale.Place(100 * value, Left, Right);
        var whisker = double.IsFinite(gain.Low)
            ? Html.Of($"<path d=\"M{At(gain.Low):0.#} {y:0.#}H{At(gain.High):0.#}M{At(gain.Low):0.#} {y - 5:0.#}v10M{At(gain.High):0.#} {y - 5:0.#}v10\"/>")
            : Html.Empty;
        var shown = name.Length > LongestName ? name[..(LongestName - 1)] + "\u2026" : name;
        return Html.Of($"<text class=\"name\" x=\"0\" y=\"{y + 4:0.#}\">{shown}</text><g class=\"{kind}\">{whisker}<circle r=\"4.5\" cx=\"{At(gain.Mean):0.#}\" cy=\"{y:0.#}\"/></g>");
    }
}
