namespace CondEmbed.Common;

/// <summary>Formats numbers and times for people, the same on every machine whatever its locale.</summary>
public static class Readable
{
    /// <summary>A duration in its two largest units: "0.4 s", "12 s", "1 m 12 s", "2 h 05 m", "3 d 04 h".</summary>
    public static string Duration(TimeSpan duration)
    {
        if (duration < TimeSpan.Zero)
        {
            return "-" + Duration(duration.Negate());
        }
        if (duration.TotalSeconds < 9.95)
        {
            return Text($"{duration.TotalSeconds:0.0} s");
        }
        var seconds = (long)Math.Round(duration.TotalSeconds, MidpointRounding.AwayFromZero);
        return seconds switch
        {
            < 60 => Text($"{seconds} s"),
            < 3600 => Text($"{seconds / 60} m {seconds % 60:00} s"),
            < 86400 => Text($"{seconds / 3600} h {seconds / 60 % 60:00} m"),
            _ => Text($"{seconds / 86400} d {seconds / 3600 % 24:00} h"),
        };
    }

    /// <summary>A whole number with thousands separated: "60,502".</summary>
    public static string Count(long count) => Text($"{count:N0}");

    /// <summary>A number of things by their name in the singular, which takes an s in the plural: "1 seed", "60,502 seeds".</summary>
    public static string Counted(long count, string noun) => count == 1 ? $"1 {noun}" : $"{Count(count)} {noun}s";

    /// <summary>A number in about <paramref name="digits"/> significant digits: "1.234", "0.0009", "1.2e-06", "nan".</summary>
    public static string Number(double value, int digits = 4)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }
        var magnitude = Math.Abs(value);
        if (magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e6))
        {
            return value.ToString("0." + new string('#', digits - 1) + "e-00", CultureInfo.InvariantCulture);
        }
        var before = magnitude < 1 ? 0 : (int)Math.Floor(Math.Log10(magnitude)) + 1;
        var decimals = magnitude is > 0 and < 0.01 ? digits + 2 : Math.Max(0, digits - Math.Max(1, before));
        return value.ToString("0." + new string('#', decimals), CultureInfo.InvariantCulture);
    }

    /// <summary>A fraction as a percentage without the percent sign, with two decimals: 0.6641 is "66.41".</summary>
    public static string Percent(double fraction) => double.IsFinite(fraction) ? Text($"{100 * fraction:0.00}") : Number(fraction);

    /// <summary>A difference of fractions in percentage points, with its sign: "+48.21".</summary>
    public static string PercentChange(double difference) =>
        double.IsFinite(difference) ? Text($"{100 * difference:+0.00;-0.00;0.00}") : Number(difference);

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
