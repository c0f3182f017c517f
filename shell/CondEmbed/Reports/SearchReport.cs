namespace CondEmbed.Reports;

/// <summary>What the report of a search shows.</summary>
/// <param name="Title">Headline.</param>
/// <param name="Facts">Facts of the search: run, gallery, its size ...</param>
/// <param name="Rows">The queries with what was found.</param>
public sealed record SearchResults(string Title, IReadOnlyList<Fact> Facts, IReadOnlyList<RetrievalRow> Rows);

/// <summary>Writes the results of a search as one HTML file, with the same grid of images as a run's report.</summary>
public static class SearchReport
{
    /// <summary>Writes the report, atomically; an existing file is replaced.</summary>
    /// <param name="results">What to show.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="ArgumentException">An image's type is not an image type.</exception>
    public static void Write(SearchResults results, string path)
    {
        ArgumentNullException.ThrowIfNull(results);
        var anew = results.Rows.Any(row => row.Neighbours.Any(neighbour => neighbour.Conditional is not null))
            ? ", and below it the conditional similarity by which the nearest are re-ranked"
            : "";
        Page.Write(path, results.Title, Html.Of($"""
            <header><p class="brand">CondEmbed search</p>
            <h1>{results.Title}</h1>
            <p class="meta">{results.Facts.Select(fact => Html.Of($"<span>{fact.Name} {fact.Value}</span>"))}</p></header>
            <section id="results">{RetrievalGrid.Draw(results.Rows)}
            <p class="note">The number under an image is its cosine to the query{anew}.</p></section>
            """));
    }
}
