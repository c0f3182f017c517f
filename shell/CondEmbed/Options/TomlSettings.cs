using System.Text.RegularExpressions;
using CondEmbed.Datasets;
using Tomlyn;
using Tomlyn.Model;
using Tomlyn.Parsing;

namespace CondEmbed.Options;

/// <summary>Settings in TOML files: <c>batch = 128</c>, and the settings of a loss as <c>loss_settings.alpha = 2</c> or in a table.</summary>
public static partial class TomlSettings
{
    /// <summary>Every setting of a file, with the file and its line as its source.</summary>
    /// <exception cref="InputException">The file cannot be read or is not TOML; the message names the line.</exception>
    public static IReadOnlyList<Given> Read(string path) => Parse(path, TextOf(path));

    /// <summary>Every setting of a text, with a name for it and the line as its source.</summary>
    /// <exception cref="InputException">It is not TOML; the message names the line.</exception>
    public static IReadOnlyList<Given> Parse(string path, string text)
    {
        var table = Table(path, text);

        if (table.ContainsKey("base") && table.ContainsKey("arms"))
        {
            throw new InputException($"{path}: is a study and not the settings of one run; {Wording.Of("StudyFile.Read", "condembed study")} takes it");
        }

        var problems = new TomlProblems();
        var given = SettingsOf(path, table, new TomlLines(text), "", problems);

        if (problems.Any)
        {
            var start = RunSettings.StartFor("small");

            foreach (var (key, problem) in CoreSettings.Write(given.Where(one => one.Key != "out"), start.Core, start.Host))
            {
                problems.Add($"{given.Last(one => one.Key == key).Source}: {key}: {problem}");
            }
        }

        problems.ThrowIfAny();
        return given;
    }

    /// <summary>The settings of a table of a file, with the lines on which they stand below a prefix; values of another type than their setting's are noted.</summary>
    /// <exception cref="InputException">A setting is written in two spellings.</exception>
    internal static IReadOnlyList<Given> SettingsOf(string path, TomlTable table, TomlLines lines, string prefix, TomlProblems problems)
    {
        var values = Flatten("", table).Select(value => (Place: lines.Place(path, prefix + value.Key), value.Key, value.Value)).ToArray();

        foreach (var (place, key, value) in values)
        {
            problems.AddIfAny($"{place}: {key}: ", TomlTypes.Problem(key, value));
        }

        Given[] given = [.. from value in values let text = TomlTypes.Read(value.Key, value.Value) where text is not null select new Given(value.Place, value.Key, text)];
        DemandOneSpelling(given);
        return given;
    }

    /// <summary>A whole file.</summary>
    /// <exception cref="InputException">The file cannot be read.</exception>
    internal static string TextOf(string path) => TextFile.Read(path);

    /// <summary>The tables and values of a text, with a name for it.</summary>
    /// <exception cref="InputException">It is not TOML; the message names the line.</exception>
    internal static TomlTable Table(string path, string text)
    {
        try
        {
            // The deserialiser takes the last of several values for a key; only the parser's own check refuses them, and names the line.
            SyntaxParser.ParseStrict(text, sourceName: null, validate: true);
            return TomlSerializer.Deserialize<TomlTable>(text) ?? [];
        }
        catch (TomlException error)
        {
            throw new InputException(Located(path, text, error));
        }
    }

    /// <summary>The first thing that the parser did not understand, with its line; what it finds after that mostly follows from it.</summary>
    private static string Located(string path, string text, TomlException error)
    {
        if (error.Diagnostics.FirstOrDefault() is not { } first)
        {
            return $"{path}: is not TOML: {error.Message.TrimEnd()}";
        }

        var number = first.Span.Start.Line;
        var line = text.Split('\n').ElementAtOrDefault(number)?.Trim() ?? "";
        var shown = line.Length <= 80 ? line : $"{line[..80]}...";
        var message = Position().Replace(TokenKind().Replace(first.Message, ""), "on line $1")
            .Replace("Unexpected token found", "found", StringComparison.Ordinal)
            .Replace("`\u2424`", "the end of the line", StringComparison.Ordinal);
        return $"{path}, line {number + 1}: '{shown}' is not TOML: {message.TrimEnd('.')}";
    }

    /// <summary>An earlier place that the parser names.</summary>
    [GeneratedRegex(@"at \((\d+),\d+\)")]
    private static partial Regex Position();

    /// <summary>The parser's own name for a token that it quotes already.</summary>
    [GeneratedRegex(@" \(token: `\w+`\)")]
    private static partial Regex TokenKind();

    /// <summary>A setting may be written like its option, with dashes, which TOML treats as another key.</summary>
    private static void DemandOneSpelling(IEnumerable<Given> given)
    {
        string[] twice = [.. given.GroupBy(one => one.Key).Where(same => same.Count() > 1).Select(same => $"{same.Last().Source}: '{same.Key}' is given twice, once with '-' and once with '_'; give it once.")];

        if (twice.Length > 0)
        {
            throw new InputException(twice);
        }
    }

    /// <summary>What a file of settings, or of a study, names that is not on this machine, with its place: data, weights and pairs.</summary>
    /// <exception cref="InputException">The file cannot be read or is not TOML.</exception>
    public static IReadOnlyList<string> Missing(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var text = TextOf(path);
        var table = Table(path, text);
        var lines = new TomlLines(text);
        return
        [
            .. from value in Flatten("", table)
               let key = value.Key.Split('.')[^1]
               where Files.Contains(key)
               from named in value.Value is TomlArray list ? list.Select(Text) : [Text(value.Value)]
               where named.Length > 0 && named != ImageNet.Weights && !ImageDatasets.IsEmbedded(named) && !Path.Exists(named)
               select $"{lines.Place(path, value.Key)}: {key} = {named} is not here, so what depends on it is not checked",
        ];
    }

    /// <summary>The settings that name files.</summary>
    private static readonly string[] Files = ["data", "weights", "pairs"];

    /// <summary>The settings as a TOML file that <see cref="Read"/> reads back, each under a comment that explains it.</summary>
    public static string Write(RunSettings settings)
    {
        var meanings = RunSettings.All.ToDictionary(setting => setting.Key, setting => setting.Meaning);
        var text = new StringBuilder();

        foreach (var (key, value) in settings.Pairs())
        {
            text.Append(CultureInfo.InvariantCulture, $"# {meanings[key.Split('.')[0]]}\n{key} = {Literal(value)}\n");
        }

        return text.ToString();
    }

    /// <summary>The values of a table and of the tables in it, with their keys below a prefix.</summary>
    internal static IEnumerable<(string Key, object? Value)> Flatten(string prefix, TomlTable table) =>
        table.SelectMany(entry => entry.Value is TomlTable inner
            ? Flatten($"{prefix}{entry.Key}.", inner)
            : [(prefix + entry.Key, (object?)entry.Value)]);

    internal static string Text(object? value) => value switch
    {
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        TomlArray list => string.Join(',', list.Select(Text)),
        _ => value?.ToString() ?? "",
    };

    /// <summary>A value as it stands in a file, for messages.</summary>
    internal static string Shown(object? value) => value switch
    {
        string text => Quoted(text),
        double number when number == Math.Truncate(number) && Math.Abs(number) < 1e15 => number.ToString("0.0", CultureInfo.InvariantCulture),
        TomlArray list => $"[{string.Join(", ", list.Select(Shown))}]",
        TomlTable or TomlTableArray => "a table",
        _ => Text(value),
    };

    /// <summary>A setting's text as a TOML value. What is not exactly what a number or truth value is written as stays text: a data folder may be called 007 or NaN.</summary>
    public static string Literal(string value) =>
        value is "true" or "false" || IsNumber(value)
            ? value
            : Quoted(value);

    private static string Quoted(string text) => $"\"{string.Concat(text.Select(Escaped))}\"";

    private static string Escaped(char letter) =>
        letter is '"' or '\\' ? $"\\{letter}" : char.IsControl(letter) ? $"\\u{(int)letter:X4}" : $"{letter}";

    private static bool IsNumber(string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
        && double.IsFinite(number)
        && number.ToString(CultureInfo.InvariantCulture) == value;
}
