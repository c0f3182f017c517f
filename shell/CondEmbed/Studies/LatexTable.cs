using System.Text.RegularExpressions;

namespace CondEmbed.Studies;

/// <summary>A table as LaTeX's tabular, with the rules of its package booktabs.</summary>
internal static partial class LatexTable
{
    /// <summary>The table with a caption; the first row is its head.</summary>
    internal static string Of(string[][] table, string caption)
    {
        var rows = table.Select(row => string.Join(" & ", row.Select(Escaped)) + @" \\");
        string[] lines =
        [
            @"\begin{table}",
            @"\centering",
            $@"\caption{{{Escaped(caption)}}}",
            $@"\begin{{tabular}}{{l{new string('r', table[0].Length - 1)}}}",
            @"\toprule",
            rows.First(),
            @"\midrule",
            .. rows.Skip(1),
            @"\bottomrule",
            @"\end{tabular}",
            @"\end{table}",
        ];
        return string.Concat(lines.Select(line => line + "\n"));
    }

    /// <summary>Special letters are escaped; numbers with a sign are set as mathematics, where a minus is one.</summary>
    private static string Escaped(string cell)
    {
        var escaped = Special().Replace(cell, @"\$0").Replace("<", "$<$", StringComparison.Ordinal);
        return Signed().Replace(escaped, "$$$0$$");
    }

    [GeneratedRegex(@"[#%&_${}]")]
    private static partial Regex Special();

    [GeneratedRegex(@"(?<![\w.-])[+-]\d+(\.\d+)?")]
    private static partial Regex Signed();
}
