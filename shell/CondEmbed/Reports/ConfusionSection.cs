namespace CondEmbed.Reports;

/// <summary>Which classes are mistaken for which: pairs with images, and a small matrix.</summary>
internal static class ConfusionSection
{
    public static Html Draw(ConfusionReport confusion) =>
        confusion.Pairs.Count == 0
            ? Html.Of($"<p class=\"none\">Every query found its own class first.</p>")
            : Html.Of($"""
                <p class="note">{Readable.Count(confusion.Wrong)} of {Readable.Count(confusion.Queries)} queries have an image of another class as their nearest. The most frequent pairs, each with a query (left) and what it found (right):</p>
                <ol class="card confused">{confusion.Pairs.Select(Pair)}</ol>
                {Matrix(confusion)}
                """);

    private static Html Pair(ConfusedPair pair)
    {
        var examples = pair.Examples.Select(example => Html.Of(
            $"<span class=\"duo\">{Page.Image(example.Query, "query of " + pair.Label)}{Page.Image(example.Found, "found: " + pair.TakenFor)}</span>"));
        return Html.Of($"<li>{examples}<p><b>{pair.Label}</b> taken for <b>{pair.TakenFor}</b><small>{pair.Count} of {pair.Queries} queries</small></p></li>\n");
    }

    private static Html Matrix(ConfusionReport confusion)
    {
        var numbers = confusion.Classes.Index().ToArray();
        var heads = numbers.Select(one => Html.Of($"<th title=\"{one.Item}\">{one.Index + 1}</th>"));
        var rows = numbers.Select(one => Html.Of(
            $"<tr><th>{one.Index + 1}. {one.Item}</th>{confusion.Matrix[one.Index].Index().Select(cell => Cell(cell.Item, confusion.Matrix[one.Index].Sum(), cell.Index == one.Index))}</tr>\n"));
        return Html.Of($"""
            <div class="card scroll"><table class="matrix"><caption class="note">Row: the query's class; column: the class of its nearest image, numbered like the rows; rightmost: any other class.</caption>
            <thead><tr><th></th>{heads}<th>other</th></tr></thead><tbody>
            {rows}</tbody></table></div>
            """);
    }

    private static Html Cell(int count, int total, bool isOwn) =>
        Html.Of($"<td class=\"{(isOwn ? "own" : "")}\" style=\"--share:{(total == 0 ? 0 : 100.0 * count / total):0}%\">{(count == 0 ? "" : Readable.Count(count))}</td>");
}
