namespace CondEmbed.Common;

/// <summary>
/// How messages name the remedy for a problem: as members of the library or, in a program built on the library, as its options. Which of the two is
/// chosen once, when the process starts.
/// </summary>
public static class Wording
{
    private static volatile bool options;

    /// <summary>From now on this process's messages name options of the program <c>condembed</c>.</summary>
    public static void NameOptions() => options = true;

    /// <summary>One of two ways to say the same thing.</summary>
    /// <param name="member">With the names of C#, as in <c>SkipBad = true</c>.</param>
    /// <param name="option">With the names of the program, as in <c>--skip-bad</c>.</param>
    public static string Of(string member, string option) => options ? option : member;

    /// <summary>
    /// A setting of a run, as in <c>Split = "hash"</c>, or <c>--split hash (split = "hash" in a settings file)</c>.
    /// </summary>
    /// <param name="key">Its key, as in <c>split</c>.</param>
    /// <param name="value">Its value; text is given without quotation marks.</param>
    public static string Setting(string key, string value = "true")
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(value);
        var isFlag = value == "true";
        var literal = isFlag || double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out _) ? value : $"\"{value}\"";
        return Of(
            $"{string.Concat(key.Split('_').Select(word => char.ToUpperInvariant(word[0]) + word[1..]))} = {literal}",
            $"--{key.Replace('_', '-')}{(isFlag ? "" : $" {value}")} ({key} = {literal} in a settings file)");
    }
}
