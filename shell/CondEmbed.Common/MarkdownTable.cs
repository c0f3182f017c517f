namespace CondEmbed.Common;

/// <summary>A table in Markdown.</summary>
internal static class MarkdownTable
{
    /// <summary>A line for the head, one for each row, and an empty one.</summary>
    internal static string Of(IReadOnlyList<string> head, IEnumerable<IReadOnlyList<string>> rows) =>
        string.Concat(rows.Prepend([.. head.Select(_ => "---")]).Prepend(head).Select(row => $"| {string.Join(" | ", row.Select(Cell))} |\n"));

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);
}
