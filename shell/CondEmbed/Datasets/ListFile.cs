namespace CondEmbed.Datasets;

/// <summary>One line of a list, with its number, counted from 1.</summary>
internal sealed record ListRow(int Line, string[] Fields);

/// <summary>Lists of published sets: one line per image, with fields separated by white space. Empty lines are skipped.</summary>
internal static class ListFile
{
    /// <summary>The rows of a list; errors in lines are added to the problems.</summary>
    /// <param name="path">The file.</param>
    /// <param name="fields">How many fields a row has; the last one takes the rest of the line, spaces included.</param>
    /// <param name="header">How many lines precede the first row.</param>
    /// <param name="problems">Collects the problems.</param>
    /// <exception cref="InputException">The file cannot be read.</exception>
    internal static List<ListRow> Read(string path, int fields, int header, ProblemList problems)
    {
        var rows = new List<ListRow>();
        foreach (var (text, at) in TextFile.Lines(path).Select((text, at) => (text, at)).Skip(header))
        {
            var row = text.Split((char[]?)null, fields, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (row.Length == fields)
            {
                rows.Add(new ListRow(at + 1, row));
            }
            else if (row.Length > 0)
            {
                problems.Add($"{path}, line {at + 1}: {row.Length} fields instead of {fields}: '{text.Trim()}'");
            }
        }

        return rows;
    }

    /// <summary>A whole number in a row; anything else is added to the problems and counts as 0.</summary>
    internal static int Number(string path, ListRow row, int field, ProblemList problems)
    {
        if (int.TryParse(row.Fields[field], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        problems.Add($"{path}, line {row.Line}: '{row.Fields[field]}' is not a whole number");
        return 0;
    }
}
