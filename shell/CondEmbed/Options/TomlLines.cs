using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace CondEmbed.Options;

/// <summary>The line of each value and table in a TOML text, so that errors can be located.</summary>
internal sealed class TomlLines
{
    private readonly Dictionary<string, int> lines = new(StringComparer.Ordinal);

    /// <summary>The lines of a valid text.</summary>
    /// <exception cref="Tomlyn.TomlException">It is not TOML.</exception>
    internal TomlLines(string text)
    {
        var document = SyntaxParser.ParseStrict(text, sourceName: null, validate: true);
        Note("", document.KeyValues);

        foreach (var table in document.Tables)
        {
            var name = NameOf(table.Name);
            NoteAbove(name, table.Span.Start.Line + 1);
            lines[name] = table.Span.Start.Line + 1;
            Note($"{name}.", table.Items);
        }
    }

    /// <summary>A file with the line of a value or table in it, from 1: "run.toml, line 3"; the file alone where the line is not known.</summary>
    internal string Place(string path, string key) => lines.TryGetValue(key, out var line) ? $"{path}, line {line}" : path;

    private void Note(string prefix, IEnumerable<KeyValueSyntax> values)
    {
        foreach (var value in values)
        {
            var key = prefix + NameOf(value.Key);
            NoteAbove(key, value.Span.Start.Line + 1);
            lines[key] = value.Span.Start.Line + 1;

            if (value.Value is InlineTableSyntax inner)
            {
                Note($"{key}.", inner.Items.Select(item => item.KeyValue).OfType<KeyValueSyntax>());
            }
        }
    }

    /// <summary>A table without a line of its own stands where the first of what is in it does: <c>arms</c> at <c>[arms.NAME]</c>.</summary>
    private void NoteAbove(string name, int line)
    {
        for (var dot = name.LastIndexOf('.'); dot > 0; dot = name.LastIndexOf('.', dot - 1))
        {
            lines.TryAdd(name[..dot], line);
        }
    }

    private static string NameOf(KeySyntax? key) =>
        key is null ? "" : string.Join('.', key.DotKeys.Select(part => part.Key).Prepend(key.Key).Select(TextOf));

    private static string TextOf(BareKeyOrStringValueSyntax? key) => key switch
    {
        BareKeySyntax bare => bare.Key?.Text ?? "",
        StringValueSyntax text => text.Value ?? "",
        _ => "",
    };
}
