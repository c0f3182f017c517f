namespace CondEmbed.Reports;

/// <summary>Queries with their results, as rows of small images.</summary>
internal static class RetrievalGrid
{
    /// <summary>The rows. Right and wrong results differ in colour, frame style and symbol.</summary>
    public static Html Draw(IReadOnlyList<RetrievalRow> rows) =>
        rows.Count == 0
            ? Html.Of($"<p class=\"none\">No queries.</p>")
            : Html.Of($"<div class=\"rows\">{rows.Select(Row)}</div>\n");

    private static Html Row(RetrievalRow row)
    {
        var found = row.Neighbours.Count == 0
            ? Html.Of($"<p class=\"none\">Nothing was found.</p>")
            : Html.Of($"<ol class=\"found\">{row.Neighbours.Select((neighbour, i) => Found(neighbour, i + 1))}</ol>");
        return Html.Of($"""
            <div class="row"><figure class="query" title="{row.Path}">{Page.Image(row.Image, "query " + Name(row.Label, row.Path))}
            <figcaption><b>{Name(row.Label, row.Path)}</b>{Source(row)}{Score(row)}</figcaption></figure>
            {found}</div>

            """);
    }

    private static Html Found(Neighbour neighbour, int rank)
    {
        var (style, sign, word) = neighbour.IsRight switch
        {
            true => ("right", "✓", "right"),
            false => ("wrong", "✗", "wrong"),
            null => ("open", "", "found"),
        };
        var name = Name(neighbour.Label, neighbour.Path);
        var alt = FormattableString.Invariant($"{rank}. {name}, {word}, cosine {neighbour.Cosine:0.000}");
        var anew = neighbour.Conditional is { } conditional ? Html.Of($"<b title=\"conditional similarity\">{conditional:0.00}</b>") : Html.Empty;
        return Html.Of($"""
            <li class="{style}" title="{neighbour.Path}">{Page.Image(neighbour.Image, alt)}<i aria-hidden="true">{sign}</i><b>{neighbour.Cosine:0.00}</b>{anew}<span>{name}</span></li>

            """);
    }

    private static string Name(string? label, string path) => string.IsNullOrEmpty(label) ? Path.GetFileName(path) : label;

    private static Html Source(RetrievalRow row) =>
        string.IsNullOrEmpty(row.Label) ? Html.Empty : Html.Of($"<span>{Path.GetFileName(row.Path)}</span>");

    private static Html Score(RetrievalRow row) =>
        row.Score is { } score ? Html.Of($"<span class=\"score\">MAP@R {100 * score:0}%</span>") : Html.Empty;
}
