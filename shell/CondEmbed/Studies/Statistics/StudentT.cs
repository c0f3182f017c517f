namespace CondEmbed.Studies;

/// <summary>Student's t distribution, for intervals of means of few values.</summary>
public static class StudentT
{
    /// <summary>The quantile of the distribution.</summary>
    /// <param name="share">The fraction below it, between 0 and 1 exclusive.</param>
    /// <param name="degrees">Degrees of freedom, at least 1.</param>
    public static double Quantile(double share, int degrees)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(degrees, 1);

        if (share is not (> 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(share), share, "must lie between 0 and 1");
        }

        if (share < 0.5)
        {
            return -Quantile(1 - share, degrees);
        }

        var (low, high) = (0.0, 1.0);

        while (Share(high, degrees) < share)
        {
            (low, high) = (high, 2 * high);
        }

        for (var halving = 0; halving < 100 && high - low > 1e-14 * high; halving++)
        {
            var middle = (low + high) / 2;
            (low, high) = Share(middle, degrees) < share ? (middle, high) : (low, middle);
        }

        return (low + high) / 2;
    }

    /// <summary>
    /// The two-sided p of the paired t-test: how often differences that are zero on average would have a mean as far from zero as these. NaN for fewer than two, and for
    /// differences that are all the same but not zero, whose scatter is not known.
    /// </summary>
    public static double PairedP(IReadOnlyList<double> differences)
    {
        ArgumentNullException.ThrowIfNull(differences);
        var deviation = Estimate.Deviation(differences);

        if (double.IsNaN(deviation))
        {
            return double.NaN;
        }

        var mean = Math.Abs(differences.Average());
        return deviation == 0
            ? (mean == 0 ? 1 : double.NaN)
            : Math.Max(0, 2 * (1 - Share(mean / deviation * Math.Sqrt(differences.Count), differences.Count - 1)));
    }

    /// <summary>
    /// The fraction of the distribution below t, by finite sums for integer degrees of freedom: Abramowitz and Stegun, Handbook of Mathematical Functions,
    /// 26.7.3 and 26.7.4.
    /// </summary>
    public static double Share(double t, int degrees)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(degrees, 1);
        var angle = Math.Atan(t / Math.Sqrt(degrees));
        var cosine = Math.Cos(angle);
        var odd = degrees % 2 == 1;
        var (term, sum) = odd ? (cosine, degrees > 1 ? cosine : 0) : (1.0, 1.0);

        for (var k = odd ? 3 : 2; k < degrees; k += 2)
        {
            term *= cosine * cosine * (k - 1) / k;
            sum += term;
        }

        var within = odd ? 2 / Math.PI * (angle + (Math.Sin(angle) * sum)) : Math.Sin(angle) * sum;
        return (1 + within) / 2;
    }
}
