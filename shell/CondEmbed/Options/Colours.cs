using System.Drawing;

namespace CondEmbed.Options;

/// <summary>Colours as people write them.</summary>
internal static class Colours
{
    /// <summary>Whether a text stands for no colour.</summary>
    internal static bool IsNone(string text) => text.Trim() is "" || text.Trim().Equals("none", StringComparison.OrdinalIgnoreCase);

    /// <summary>A web colour such as <c>white</c>, <c>#fff</c> or <c>#ffffff</c>; null for what is no colour.</summary>
    internal static Rgb? Parse(string text)
    {
        var word = text.Trim();
        var digits = word.Length == 4 ? string.Concat(word[1..].Select(digit => $"{digit}{digit}")) : word[Math.Min(1, word.Length)..];
        var isHex = word.StartsWith('#') & digits.Length == 6 & int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number);
        var named = Color.FromName(word.Equals("grey", StringComparison.OrdinalIgnoreCase) ? "gray" : word);
        var isNamed = named is { IsKnownColor: true, IsSystemColor: false, A: byte.MaxValue };
        return isHex ? Rgb.Of(number) : isNamed ? new Rgb(named.R, named.G, named.B) : null;
    }
}
