using System.Text;

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
        var text = TextFile.Read(path);
        char[] separators = [SeparatorOf(path), ',', ';', '\t'];
        var header = text.AsSpan().TrimStart("\r\n").ToString().Split('\n', 2)[0];
        var separator = header.AsSpan().Count('"') % 2 == 0 ? separators.FirstOrDefault(one => Parse(header, one, path).Exists(HoldsOne), separators[0]) : separators[0];
        return Parse(text, separator, path);

        bool HoldsOne(DelimitedRecord record) => record.Fields.Any(field => wanted.Contains(field, StringComparer.OrdinalIgnoreCase));
    }

    internal static List<DelimitedRecord> Parse(string text, char separator, string path)
    {
        var records = new List<DelimitedRecord>();
        var at = 0;
        var line = 1;
        while (at < text.Length)
        {
            var begin = line;
            var fields = Record(text, separator, path, ref at, ref line);
            if (fields.Count > 1 || fields[0].Length > 0)
            {
                records.Add(new DelimitedRecord(begin, [.. fields]));
            }
        }

        return records;
    }

    /// <summary>The text of a field, quoted if necessary.</summary>
    internal static string Quote(string field, char separator) =>
        field.AsSpan().ContainsAny(separator, '"', '\n') || field.Contains('\r', StringComparison.Ordinal) || field != field.Trim()
            ? $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\""
            : field;

    private static List<string> Record(string text, char separator, string path, ref int at, ref int line)
    {
        var fields = new List<string>();
        while (true)
        {
            fields.Add(Field(text, separator, path, ref at, ref line));
            if (at < text.Length && text[at] == separator)
            {
                at++;
                continue;
            }

            if (at < text.Length)
            {
                at += text[at] == '\r' && at + 1 < text.Length && text[at + 1] == '\n' ? 2 : 1;
                line++;
            }

            return fields;
        }
    }

    private static string Field(string text, char separator, string path, ref int at, ref int line)
    {
        SkipSpaces(text, ref at);
        if (at < text.Length && text[at] == '"')
        {
            return QuotedField(text, separator, path, ref at, ref line);
        }

        var begin = at;
        while (at < text.Length && !EndsField(text[at], separator))
        {
            at++;
        }

        return text[begin..at].Trim();
    }

    private static string QuotedField(string text, char separator, string path, ref int at, ref int line)
    {
        var begin = line;
        var field = new StringBuilder();
        for (at++; at < text.Length; at++)
        {
            if (text[at] != '"')
            {
                line += text[at] == '\n' ? 1 : 0;
                field.Append(text[at]);
            }
            else if (at + 1 < text.Length && text[at + 1] == '"')
            {
                field.Append('"');
                at++;
            }
            else
            {
                at++;
                SkipSpaces(text, ref at);
                return at == text.Length || EndsField(text[at], separator)
                    ? field.ToString()
                    : throw new InputException($"{path}, line {line}: text after a closing quote; double the quotes inside a quoted field");
            }
        }

        throw new InputException($"{path}, line {begin}: a quoted field is never closed");
    }

    private static void SkipSpaces(string text, ref int at)
    {
        while (at < text.Length && text[at] == ' ')
        {
            at++;
        }
    }

    private static bool EndsField(char letter, char separator) => letter == separator || letter is '\r' or '\n';
}
