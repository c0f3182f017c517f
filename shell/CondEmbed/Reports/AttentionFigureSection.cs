namespace CondEmbed.Reports;

/// <summary>Pairs of images with the attention of each level over them.</summary>
internal static class AttentionFigureSection
{
    public static Html Draw(IReadOnlyList<AttentionFigureGroup> groups) => Html.Of($"""
        {groups.Select(Group)}
        <p class="note">Each image with what the levels read of it in the light of the other one: the mean of the heads' attention weights, dark where least and light where
        most, scaled map by map; the numbers are these two, as multiples of what even attention would give each place. The levels are not used at test time,
        and where attention lies high is not yet why two images are alike.</p>
        """);

    private static Html Group(AttentionFigureGroup group) => Html.Of($"""
        <div class="group"><h3>{group.Title}</h3><p class="note">{group.Note}</p>
        <div class="rows">{group.Pairs.Select(Pair)}</div></div>

        """);

    private static Html Pair(AttentionFigurePair pair)
    {
        var levels = pair.Levels.Select((value, level) => Html.Of($", level {level + 1} <b>{value:0.000}</b>"));
        return Html.Of($"<div class=\"looks\"><p>cosine <b>{pair.Unconditional:0.000}</b>{levels}</p><div class=\"both\">{Side(pair.First)}{Side(pair.Second)}</div></div>\n");
    }

    private static Html Side(AttentionFigureSide side)
    {
        var maps = side.Maps.Select((map, level) => Figure(map.Image, $"{side.Label}, level {level + 1}", $"level {level + 1}: {map.Range}"));
        return Html.Of($"<div class=\"side\" title=\"{side.Path}\">{Figure(side.Image, side.Label, side.Label)}{maps}</div>\n");
    }

    private static Html Figure(EncodedImage image, string alt, string caption) =>
        Html.Of($"<figure>{Page.Image(image, alt)}<figcaption>{caption}</figcaption></figure>");
}
