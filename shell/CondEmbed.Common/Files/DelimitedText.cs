namespace CondEmbed.Common;

/// <summary>One record of a delimited text file, with the number of the line that it begins on, counted from 1.</summary>
internal sealed record DelimitedRecord(int Line, string[] Fields);

/// <summary>
/// Comma, semicolon or tab separated text: RFC 4180 with any line ends. A field in double quotes may hold separators, line ends and doubled quotes;
/// other fields lose the spaces around them. Empty lines are skipped.
/// </summary>
internal static class DelimitedText
{
    internal static char SeparatorOf(string path) => path.EndsWith(".tsv", StringComparison.OrdinalIgnoreCase) ? '\t' : ',';

    /// <summary>The records of a file. Its ending determines the separator, unless only another one finds a required column in the first line.</summary>
    /// <param name="path">The file.</param>
    /// <param name="wanted">Columns of which any one identifies the separator, such as 'path'.</param>
    /// <exception cref="InputException">The file cannot be read.</exception>
    internal static List<DelimitedRecord> Read(string path, params IReadOnlyCollection<string> wanted)
    {
        string[] lines = [.. TextFile.Lines(path)];
        char[] separators = [SeparatorOf(path), ',', ';', '\t'];
        var header = Array.Find(lines, line => line.Length > 0) ?? "";
        var separator = header.AsSpan().Count('"') % 2 == 0 ? separators.FirstOrDefault(one => Records([header], one, path).Any(HoldsOne), separators[0]) : separators[0];
        return [.. Records(lines, separator, path)];

        bool HoldsOne(DelimitedRecord record) => record.Fields.Any(field => wanted.Contains(field, StringComparer.OrdinalIgnoreCase));
    }

    /// <summary>The records of lines, as these come: a record goes on in the next line while a quote is open.</summary>
    /// <exception cref="InputException">A quote is not closed, or has text after it.</exception>
    internal static IEnumerable<DelimitedRecord> Records(IEnumerable<string> lines, char separator, string path)
    {
        var (line, begin, opened) = (0, 0, 0);
        var fields = new List<string>();
        StringBuilder? quoted = null;
        foreach (var text in lines)
        {
            line++;
            begin = quoted is null ? line : begin;
            quoted?.Append('\n');
            for (var at = 0; at <= text.Length; at++)
            {
                if (quoted is null && StartsQuoted(text, ref at))
                {
                    (quoted, opened) = (new StringBuilder(), line);
                }

                if (quoted is null)
                {
                    fields.Add(Plain(text, separator, ref at));
                }
                else if (EndsQuoted(text, quoted, ref at))
                {
                    fields.Add(quoted.ToString());
                    quoted = at == text.Length || text[at] == separator
                        ? null
                        : throw new InputException($"{path}, line {line}: text after a closing quote; double the quotes inside a quoted field");
                }
            }

            if (quoted is null)
            {
                if (fields.Count > 1 || fields[0].Length > 0)
                {
                    yield return new DelimitedRecord(begin, [.. fields]);
                }

                fields.Clear();
            }
        }

        if (quoted is not null)
        {
            throw new InputException($"{path}, line {opened}: a quoted field is never closed");
        }
    }

    /// <summary>The text of a field, quoted if necessary.</summary>
    internal static string Quote(string field, char separator) =>
        field.AsSpan().ContainsAny(separator, '"', '\n') || field.Contains('\r', StringComparison.Ordinal) || field != field.Trim()
            ? $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\""
            : field;

    private static bool StartsQuoted(string text, ref int at)
    {
        SkipSpaces(text, ref at);
        if (at == text.Length || text[at] != '"')
        {
            return false;
        }

        at++;
        return true;
    }

    private static string Plain(string text, char separator, ref int at)
    {
        var begin = at;
        at = text.IndexOf(separator, at) is >= 0 and var end ? end : text.Length;
        return text[begin..at].Trim();
    }

    /// <summary>Reads on in a quoted field, and tells whether it ends in this line.</summary>
    private static bool EndsQuoted(string text, StringBuilder field, ref int at)
    {
        for (; at < text.Length; at++)
        {
            if (text[at] == '"' && !text.AsSpan(++at).StartsWith('"'))
            {
                SkipSpaces(text, ref at);
                return true;
            }

            field.Append(text[at]);
        }

        return false;
    }

    private static void SkipSpaces(string text, ref int at)
    {
        while (at < text.Length && text[at] == ' ')
        {
            at++;
        }
    }
}
