namespace CondEmbed.Comparisons;

/// <summary>How far a metric might have come out otherwise with other test classes: the classes are drawn again, with replacement, many times (Efron 1979).</summary>
internal static class ClassBootstrap
{
    private const int Draws = 2000;
    private const double Tail = 0.025;

    /// <summary>The 95 % interval of a mean over queries, as fractions; null with fewer than two classes that have a value. The same on every machine.</summary>
    internal static (double Low, double High)? Interval(IEnumerable<ComparedClass> classes, string metric)
    {
        (int Queries, double Sum)[] all =
        [
            .. from one in classes
               where one.Values.ContainsKey(metric)
               select (one.Queries, one.Queries * one.Values[metric]),
        ];

        if (all.Length < 2)
        {
            return null;
        }

        var random = SeededRandom.Of(0);
        double[] means = [.. Enumerable.Range(0, Draws).Select(_ => Mean(Enumerable.Range(0, all.Length).Select(_ => all[random.Next(all.Length)]))).Order()];
        return (means[(int)(Tail * Draws)], means[(int)((1 - Tail) * Draws) - 1]);
    }

    private static double Mean(IEnumerable<(int Queries, double Sum)> drawn)
    {
        var (queries, sum) = drawn.Aggregate((Queries: 0L, Sum: 0.0), (so, one) => (so.Queries + one.Queries, so.Sum + one.Sum));
        return sum / queries;
    }
}
