using System.Net;
using System.Runtime.CompilerServices;

namespace CondEmbed.Reports;

/// <summary>A piece of HTML that is safe to insert into a page.</summary>
/// <remarks>
/// Made from interpolated strings: the literal parts are markup, the interpolated values are text and get encoded,
/// for elements and quoted attributes alike. Only other pieces of <see cref="Html"/> are inserted unchanged. So no file or class name
/// can become markup by oversight.
/// </remarks>
internal readonly record struct Html
{
    private readonly string? text;

    private Html(string text) => this.text = text;

    /// <summary>Nothing.</summary>
    public static Html Empty => default;

    /// <summary>Markup with encoded values.</summary>
    public static Html Of(HtmlHandler markup) => new(markup.ToText());

    /// <summary>Pieces one after the other.</summary>
    public static Html Join(IEnumerable<Html> pieces) => new(string.Concat(pieces));

    /// <summary>Text from the program itself (styles, scripts). Never use it for anything from outside.</summary>
    public static Html Trusted(string text) => new(text);

    /// <summary>The markup.</summary>
    public override string ToString() => text ?? "";
}

/// <summary>Builds <see cref="Html"/> from an interpolated string; used by the compiler.</summary>
[InterpolatedStringHandler]
internal readonly ref struct HtmlHandler(int literalLength, int formattedCount)
{
    private readonly StringBuilder builder = new(literalLength + (16 * formattedCount));

    public void AppendLiteral(string literal) => builder.Append(literal);

    public void AppendFormatted(Html html) => builder.Append(html);

    public void AppendFormatted(IEnumerable<Html> pieces) => builder.AppendJoin("", pieces);

    public void AppendFormatted(string? text) => builder.Append(WebUtility.HtmlEncode(text));

    /// <summary>Numbers and the like, in the invariant culture; restricted so that no other object is printed as its type name.</summary>
    public void AppendFormatted<T>(T value, string? format = null)
        where T : IFormattable => AppendFormatted(value.ToString(format, CultureInfo.InvariantCulture));

    public string ToText() => builder.ToString();
}
