namespace CondEmbed.Common;

/// <summary>Tables as aligned text.</summary>
internal static class TextTable
{
    /// <summary>A line for each row, without spaces at its end: the first column begins at the left, every other one ends at the right.</summary>
    internal static IEnumerable<string> Lines(IReadOnlyList<IReadOnlyList<string>> rows, string gap = "   ")
    {
        int[] widths = [.. rows[0].Select((_, column) => rows.Max(row => row[column].Length))];
        return rows.Select(row => string.Join(gap, row.Select((cell, column) => column == 0 ? cell.PadRight(widths[0]) : cell.PadLeft(widths[column]))).TrimEnd());
    }
}
