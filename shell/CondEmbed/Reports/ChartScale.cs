namespace CondEmbed.Reports;

/// <summary>Maps a range of values to a range of coordinates, with round numbers at its ticks.</summary>
/// <param name="From">Lowest value.</param>
/// <param name="To">Highest value; above <paramref name="From"/>.</param>
/// <param name="Ticks">Values to mark, ascending, all within the range.</param>
internal sealed record ChartScale(double From, double To, IReadOnlyList<double> Ticks)
{
    /// <summary>A scale that starts and ends at ticks and covers all values; an empty range is widened.</summary>
    /// <param name="values">The values to show.</param>
    /// <param name="ticks">About how many ticks.</param>
    /// <param name="least">The scale does not go below this multiple of 10, nor does it show values that do.</param>
    /// <param name="most">The same above.</param>
    public static ChartScale Covering(
        IEnumerable<double> values, int ticks, double least = double.NegativeInfinity, double most = double.PositiveInfinity)
    {
        var (low, high) = Range(values.Where(double.IsFinite).Select(value => Math.Clamp(value, least, most)));
        (low, high) = (Math.Max(low, least), Math.Min(high, most));
        // A line that comes close to zero is honest only if zero is visible.
        if (low > 0 && low < 0.4 * high)
        {
            low = 0;
        }
        var step = NiceStep((high - low) / ticks);
        var first = Math.Floor((low / step) + 1e-9);
        var last = Math.Ceiling((high / step) - 1e-9);
        return new ChartScale(first * step, last * step, Multiples(first, last, step));
    }

    /// <summary>A scale from 0 to the last of some steps, even if there is only that one.</summary>
    public static ChartScale OfSteps(IEnumerable<double> steps, int ticks)
    {
        var last = steps.Append(0).Max() is > 0 and var step ? step : 1;
        var apart = NiceStep(last / ticks);
        return new ChartScale(0, last, Multiples(0, Math.Floor((last / apart) + 1e-9), apart));
    }

    /// <summary>The coordinate of a value on an axis that runs from <paramref name="start"/> to <paramref name="end"/>.</summary>
    public double Place(double value, double start, double end) => start + ((value - From) / (To - From) * (end - start));

    private static (double Low, double High) Range(IEnumerable<double> values)
    {
        var finite = values.Where(double.IsFinite).DefaultIfEmpty(0).ToList();
        var (low, high) = (finite.Min(), finite.Max());
        var least = 1e-9 * Math.Max(Math.Abs(low), Math.Abs(high));
        if (high - low > least)
        {
            return (low, high);
        }
        var margin = low == 0 ? 1 : Math.Abs(low) / 2;
        return (low - margin, high + margin);
    }

    /// <summary>The smallest of 1, 2, 5 times a power of ten that is at least the given step.</summary>
    private static double NiceStep(double step)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(step)));
        var digit = step / power;
        return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
    }

    /// <summary>Multiples of the step, as decimals so that 3 times 0.1 reads 0.3.</summary>
    private static double[] Multiples(double first, double last, double step) =>
        [.. Enumerable.Range(0, (int)(last - first) + 1).Select(i => Math.Round((first + i) * step, 15 - Digits(step)))];

    private static int Digits(double step) => Math.Clamp((int)Math.Ceiling(Math.Log10(step)), 0, 15);
}
