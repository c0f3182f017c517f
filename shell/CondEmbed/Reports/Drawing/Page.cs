namespace CondEmbed.Reports;

/// <summary>The frame of every page.</summary>
internal static class Page
{
    /// <summary>Writes a whole page, atomically; its folder is created if missing. Its content security policy forbids all requests.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Write(string path, string title, Html body)
    {
        var page = Html.Of($"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
            <title>{title}</title>
            <style>
            {Resource("page.css")}
            </style>
            </head>
            <body>
            <main>
            {body}
            </main>
            <script>
            {Resource("page.js")}
            </script>
            </body>
            </html>

            """);
        AtomicFile.MakeFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
        AtomicFile.WriteText(path, page.ToString());
    }

    /// <summary>The style or the script. Both are part of the page itself: a report is a single file, and readable without the script.</summary>
    private static Html Resource(string name)
    {
        using var reader = new StreamReader(typeof(Page).Assembly.GetManifestResourceStream($"CondEmbed.Reports.{name}")!);
        return Html.Trusted(reader.ReadToEnd().TrimEnd());
    }

    /// <summary>A section with a heading; its identifier is the target of the page's own links.</summary>
    public static Html Section(string id, string title, Html body) =>
        Html.Of($"<section id=\"{id}\"><h2>{title} <a class=\"anchor\" href=\"#{id}\" aria-label=\"link to {title}\">#</a></h2>\n{body}</section>\n");

    /// <summary>Names and values in two columns.</summary>
    public static Html Facts(IEnumerable<Fact> facts) =>
        Html.Of($"<dl class=\"facts\">{facts.Select(fact => Html.Of($"<dt>{fact.Name}</dt><dd>{fact.Value}</dd>"))}</dl>");

    /// <summary>A table that scrolls sideways where it is too wide.</summary>
    public static Html Table(IEnumerable<string> heads, IEnumerable<Html> rows) =>
        Html.Of($"<div class=\"card scroll\"><table><thead><tr>{heads.Select(head => Html.Of($"<th>{head}</th>"))}</tr></thead><tbody>\n{rows}</tbody></table></div>\n");

    /// <summary>A row of a table.</summary>
    public static Html Row(string head, IEnumerable<string> cells) => Row(head, cells.Select(cell => Html.Of($"<td>{cell}</td>")));

    /// <summary>A row of a table, of whole cells.</summary>
    public static Html Row(string head, IEnumerable<Html> cells) => Html.Of($"<tr><th>{head}</th>{cells}</tr>\n");

    /// <summary>The image, with its alternative text.</summary>
    public static Html Image(EncodedImage image, string alt) =>
        Html.Of($"<img src=\"{Address(image)}\" alt=\"{alt}\" loading=\"lazy\">");

    /// <summary>The image as a data URI.</summary>
    /// <exception cref="ArgumentException">Its type is not an image type.</exception>
    public static string Address(EncodedImage image)
    {
        if (!image.Mime.StartsWith("image/", StringComparison.Ordinal))
        {
            throw new ArgumentException($"'{image.Mime}' is not the type of an image; use image/png, image/jpeg ...", nameof(image));
        }
        return $"data:{image.Mime};base64,{Convert.ToBase64String(image.Bytes.Span)}";
    }
}
