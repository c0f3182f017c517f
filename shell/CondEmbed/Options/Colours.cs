using CondEmbed.Images;

namespace CondEmbed.Options;

/// <summary>Colours as people write them.</summary>
internal static class Colours
{
    private static readonly Dictionary<string, int> Names = new(StringComparer.OrdinalIgnoreCase)
    {
        ["black"] = 0x000000,
        ["white"] = 0xffffff,
        ["grey"] = 0x808080,
        ["gray"] = 0x808080,
        ["red"] = 0xff0000,
        ["green"] = 0x008000,
        ["lime"] = 0x00ff00,
        ["blue"] = 0x0000ff,
        ["yellow"] = 0xffff00,
        ["orange"] = 0xffa500,
        ["pink"] = 0xffc0cb,
        ["magenta"] = 0xff00ff,
        ["cyan"] = 0x00ffff,
        ["purple"] = 0x800080,
        ["brown"] = 0xa52a2a,
        ["beige"] = 0xf5f5dc,
        ["silver"] = 0xc0c0c0,
    };

    /// <summary>Whether a text stands for no colour.</summary>
    internal static bool IsNone(string text) => text.Trim() is "" || text.Trim().Equals("none", StringComparison.OrdinalIgnoreCase);

    /// <summary><c>white</c>, <c>#fff</c> or <c>#ffffff</c>; null for what is no colour.</summary>
    internal static Rgb? Parse(string text)
    {
        var word = text.Trim();
        var digits = word.Length == 4 ? string.Concat(word[1..].Select(digit => $"{digit}{digit}")) : word[Math.Min(1, word.Length)..];
        var isHex = word.StartsWith('#') & digits.Length == 6 & int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number);
        return isHex || Names.TryGetValue(word, out number) ? Rgb.Of(number) : null;
    }
}
