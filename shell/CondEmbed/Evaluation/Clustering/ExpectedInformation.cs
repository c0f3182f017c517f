namespace CondEmbed.Evaluation;

/// <summary>
/// The mutual information, in nats, that two clusterings of given sizes have on average over all permutations of the items:
/// E = sum over i, j, m of m / n log(n m / (a_i b_j)) h(m), where h is the hypergeometric probability that class i and cluster j share m items.
/// Vinh, Epps, Bailey, JMLR 2010, equation 24. Equal sizes are taken together, so that thousands of classes cost little.
/// </summary>
internal static class ExpectedInformation
{
    internal static double Of(IReadOnlyList<long> classSizes, IReadOnlyList<long> clusterSizes)
    {
        var count = classSizes.Sum();
        var logFactorials = LogFactorials(count);
        var classes = classSizes.CountBy(size => size).ToList();
        var clusters = clusterSizes.CountBy(size => size).ToList();
        var sum = 0d;
        foreach (var (a, times) in classes)
        {
            foreach (var (b, often) in clusters)
            {
                sum += (double)times * often * OfPair(a, b, count, logFactorials);
            }
        }

        return sum;
    }

    private static double OfPair(long a, long b, long n, double[] log)
    {
        var sum = 0d;
        for (var both = Math.Max(1, a + b - n); both <= Math.Min(a, b); both++)
        {
            var logProbability = log[a] + log[b] + log[n - a] + log[n - b]
                - log[n] - log[both] - log[a - both] - log[b - both] - log[n - a - b + both];
            sum += both / (double)n * Math.Log((double)n * both / ((double)a * b)) * Math.Exp(logProbability);
        }

        return sum;
    }

    // log m! for m = 0 .. n, with compensated summation (Neumaier): errors would add up over tens of thousands of terms.
    private static double[] LogFactorials(long n)
    {
        var logs = new double[n + 1];
        var sum = 0d;
        var lost = 0d;
        for (var m = 2L; m <= n; m++)
        {
            var term = Math.Log(m);
            var next = sum + term;
            lost += sum >= term ? sum - next + term : term - next + sum;
            sum = next;
            logs[m] = sum + lost;
        }

        return logs;
    }
}
