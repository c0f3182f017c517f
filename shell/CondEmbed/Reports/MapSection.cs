using CondEmbed.Datasets;
using CondEmbed.Evaluation;

namespace CondEmbed.Reports;

/// <summary>
/// The map of embeddings: one dot each, coloured by class. Without scripts the first view is a static image; with them the views can be switched, and pointer, finger or
/// arrow keys show the thumbnail of a dot and where the rest of its class is, and a part of the map can be looked at closer.
/// </summary>
internal static class MapSection
{
    private const double Width = 640;
    private const double Height = 500;
    private const double Margin = 10;

    /// <summary>Up to this many classes get evenly spaced hues; with more, the hue depends on the name.</summary>
    private const int FewClasses = 16;

    public static Html Draw(EmbeddingMap map)
    {
        var places = map.Views.Select(view => Fitted(view.Places)).ToArray();
        var classes = map.Items.Index().GroupBy(one => one.Item.Label, StringComparer.Ordinal).ToArray();
        var groups = classes.Select((group, i) => Html.Of($"""
            <g style="--h:{Hue(group.Key, i, classes.Length)}" data-name="{group.Key}">{group.Select(one => Dot(one.Index, one.Item, places))}</g>

            """));
        var buttons = map.Views.Select((view, i) => Html.Of(
            $"<label><input type=\"radio\" name=\"map-view\" value=\"{i}\"{Html.Trusted(i == 0 ? " checked" : "")}>{view.Name}</label>"));
        return Html.Of($"""
            <div class="card map" data-columns="{map.Columns}" data-rows="{map.Rows}">
            <div class="controls" hidden><fieldset><legend>Layout</legend>{buttons}</fieldset><label>Class <select><option value="">all {classes.Length}</option></select></label><div class="zoom" role="group" aria-label="Zoom"><button type="button" data-zoom="+" aria-label="closer">+</button><button type="button" data-zoom="-" aria-label="farther">&#8722;</button><button type="button" data-zoom="0">whole</button></div></div>
            <div class="around"><svg class="dots" viewBox="0 0 {Width} {Height}" role="img" tabindex="0" aria-label="Map of {map.Items.Count} embeddings of {classes.Length} classes">
            {groups}</svg>
            <div class="peek" hidden><div class="tile-of"><img class="sheet" src="{Page.Address(map.Sheet)}" alt=""></div><p aria-live="polite"><b></b><span></span></p><div class="strip"></div></div></div>
            </div>
            <p class="note">{map.Note} Closer: the buttons, a double click, Ctrl with the wheel, or the keys + and -; drag to move. {map.Views.Select(view => Html.Of($"<b>{view.Name}</b>: {view.Note} "))}</p>
            """);
    }

    /// <summary>Its position in every view, and its number, which identifies its thumbnail.</summary>
    private static Html Dot(int index, MapItem item, MapPoint[][] places)
    {
        var at = new StringBuilder();
        at.AppendJoin(' ', places.Select(view => FormattableString.Invariant($"{view[index].X:0.#} {view[index].Y:0.#}")));
        return Html.Of($"<circle r=\"3.4\" cx=\"{places[0][index].X:0.#}\" cy=\"{places[0][index].Y:0.#}\" data-i=\"{index}\" data-at=\"{at.ToString()}\" data-path=\"{item.Path}\"/>");
    }

    /// <summary>The positions within the drawing, with both axes at the same scale.</summary>
    internal static MapPoint[] Fitted(IReadOnlyList<MapPoint> places)
    {
        if (places.Count == 0)
        {
            return [];
        }

        var (left, right) = (places.Min(point => point.X), places.Max(point => point.X));
        var (low, high) = (places.Min(point => point.Y), places.Max(point => point.Y));
        var scale = Math.Min(Scale(right - left, Width), Scale(high - low, Height));
        return
        [
            .. places.Select(point => new MapPoint(
                (Width / 2) + (scale * (point.X - ((left + right) / 2))), (Height / 2) - (scale * (point.Y - ((low + high) / 2))))),
        ];

        static double Scale(double range, double length) => range > 0 ? (length - (2 * Margin)) / range : 1;
    }

    private static int Hue(string name, int index, int classes) =>
        classes <= FewClasses ? index * 360 / classes : (int)(Encoding.UTF8.GetBytes(name).Aggregate(2166136261u, (hash, next) => (hash ^ next) * 16777619u) % 360);
}
