namespace CondEmbed.Reports;

/// <summary>The data of the run: counts, sizes, what was left out, and some images of each part.</summary>
internal static class DataSection
{
    private const int MostBars = 12;
    private const int MostLeftOut = 50;

    public static Html Draw(DataSummary data)
    {
        var rows = data.Parts.Select(part => Html.Of($"<tr><th>{part.Name}</th><td>{Readable.Count(part.Classes)}</td><td>{Readable.Count(part.Images)}</td><td>{part.PerClass}</td></tr>"));
        return Html.Of($"""
            <div class="card"><table><thead><tr><th>{data.Name}</th><th>classes</th><th>images</th><th>images a class</th></tr></thead><tbody>{rows}</tbody></table>{Notes(data)}{LeftOut(data.LeftOut)}</div>
            {Histogram(data.ClassSizes)}{data.Parts.Where(part => part.Examples.Count > 0).Select(Examples)}
            """);
    }

    private static Html Notes(DataSummary data)
    {
        string?[] notes = [data.Subset is null ? null : $"A subset: {data.Subset}.", data.Note, data.Sizes];
        return Html.Join(notes.OfType<string>().Select(note => Html.Of($"<p class=\"note\">{note}</p>")));
    }

    private static Html LeftOut(IReadOnlyList<string> images)
    {
        if (images.Count == 0)
        {
            return Html.Empty;
        }

        var more = images.Count > MostLeftOut ? Html.Of($"<li>and {images.Count - MostLeftOut} more</li>") : Html.Empty;
        return Html.Of($"""
            <details><summary>{Readable.Count(images.Count)} {(images.Count == 1 ? "image that cannot be used was" : "images that cannot be used were")} left out</summary><ul class="names">{images.Take(MostLeftOut).Select(image => Html.Of($"<li>{image}</li>"))}{more}</ul></details>
            """);
    }

    /// <summary>A bar for each number of images, or for ranges of such numbers where there are many.</summary>
    internal static IReadOnlyList<(int From, int To, int Classes)> Bins(IReadOnlyList<int> sizes)
    {
        if (sizes.Count == 0)
        {
            return [];
        }

        var (least, most) = (sizes.Min(), sizes.Max());
        var width = (most - least + MostBars) / MostBars;
        return
        [
            .. Enumerable.Range(0, ((most - least) / width) + 1)
                .Select(bin => (From: least + (bin * width), To: Math.Min(most, least + (bin * width) + width - 1)))
                .Select(bin => (bin.From, bin.To, sizes.Count(size => size >= bin.From && size <= bin.To))),
        ];
    }

    private static Html Histogram(IReadOnlyList<int> sizes)
    {
        var bins = Bins(sizes);

        // A single bar says no more than the table above.
        if (bins.Count < 2)
        {
            return Html.Empty;
        }

        var most = bins.Max(bin => bin.Classes);
        var bars = bins.Select(bin => Html.Of($"""
            <tr><th>{(bin.From == bin.To ? $"{bin.From}" : $"{bin.From} to {bin.To}")}</th><td>{Readable.Count(bin.Classes)}</td><td class="wide"><div class="bar" style="--after:{100.0 * bin.Classes / most:0.##}%"></div></td></tr>

            """));
        return Html.Of($"""
            <h3 class="sub">How many images the classes have</h3><div class="card"><table class="bars"><thead><tr><th>images</th><th>classes</th><td class="wide"></td></tr></thead><tbody>
            {bars}</tbody></table></div>

            """);
    }

    private static Html Examples(DataPart part)
    {
        var images = part.Examples.Select(example => Html.Of($"<li class=\"open\">{Page.Image(example.Image, example.Label)}<span title=\"{example.Label}\">{example.Label}</span></li>"));
        return Html.Of($"<h3 class=\"sub\">Some of {part.Name}</h3><div class=\"card\"><ul class=\"found\">{images}</ul></div>\n");
    }
}
