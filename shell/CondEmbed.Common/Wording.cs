namespace CondEmbed.Common;

/// <summary>
/// How messages name the remedy for a problem: as members of the library or, in a program built on the library, as its options. Which of the two is
/// chosen once, when the process starts.
/// </summary>
public static class Wording
{
    private static volatile Func<string, bool>? options;

    /// <summary>From now on this process's messages name options of the program <c>condembed</c>.</summary>
    /// <param name="isOption">Whether its command has an option, as in <c>--skip-bad</c>; other settings are given as in <c>--set size=224</c>.</param>
    public static void NameOptions(Func<string, bool> isOption) => options = isOption;

    /// <summary>One of two ways to say the same thing.</summary>
    /// <param name="member">With the names of C#, as in <c>SkipBad = true</c>.</param>
    /// <param name="option">With the names of the program, as in <c>--skip-bad</c>.</param>
    public static string Of(string member, string option) => options is null ? member : option;

    /// <summary>
    /// A setting of a run, as in <c>Split = "hash"</c>, or <c>--split hash (split = "hash" in a settings file)</c>, or <c>--set size=224</c>.
    /// </summary>
    /// <param name="key">Its key, as in <c>split</c>.</param>
    /// <param name="value">Its value; text is given without quotation marks.</param>
    public static string Setting(string key, string value = "true")
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(value);
        var isFlag = value == "true";
        var literal = isFlag || double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out _) ? value : $"\"{value}\"";
        var member = $"{string.Concat(key.Split('_').Select(word => char.ToUpperInvariant(word[0]) + word[1..]))} = {literal}";
        var option = $"--{key.Replace('_', '-')}";
        return options is not { } isOption ? member
            : isOption(option) ? $"{option}{(isFlag ? "" : $" {value}")} ({key} = {literal} in a settings file)"
            : $"--set {key}={value}";
    }
}
