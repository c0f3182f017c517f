using System.Numerics;
using TorchSharp;

namespace CondEmbed.Evaluation;

/// <summary>
/// PCF, the principal components fraction, as open-metric-learning's <c>calc_pcf</c>: with the eigenvalues l_1 >= ... >= l_D of the covariance of
/// N embeddings of D numbers, the largest n &lt;= min(N, D) + 1 for which (l_1 + ... + l_{n-1}) / (l_1 + ... + l_D) is at most the share of the
/// variance, over D. So n components explain more than that share. Unlike there, n is never more than D, and embeddings that are all equal give 0.
/// </summary>
public static class PrincipalComponents
{
    // Partial sums that equal the share but for rounding count as equal.
    private const double Rounding = 1e-9;

    /// <summary>N D -> the fraction for each share of variance.</summary>
    /// <param name="embeddings">As they are: nothing is scaled.</param>
    /// <param name="variances">Shares of the variance, 0 to 1.</param>
    /// <exception cref="InputException">An embedding is not finite.</exception>
    public static double[] Fractions<T>(Embeddings<T> embeddings, IReadOnlyList<double> variances)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        embeddings.ThrowIfNotFinite();
        var falling = Eigenvalues(embeddings);
        var total = falling.Sum();
        var components = Math.Min(embeddings.Count, embeddings.Dimension);
        if (total <= 0)
        {
            return [.. variances.Select(_ => 0d)];
        }

        var fractions = new double[variances.Count];
        for (var i = 0; i < fractions.Length; i++)
        {
            var sum = 0d;
            var enough = 0;
            while (enough < components && (sum + falling[enough]) / total <= variances[i] + Rounding)
            {
                sum += falling[enough++];
            }

            fractions[i] = (double)Math.Min(enough + 1, embeddings.Dimension) / embeddings.Dimension;
        }

        return fractions;
    }

    // Of the covariance in double precision, a block of embeddings at a time.
    private static double[] Eigenvalues<T>(Embeddings<T> embeddings)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Native.ensure();
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var mean = Mean(embeddings);
        var covariance = torch.zeros(embeddings.Dimension, embeddings.Dimension, torch.float64, torch.CPU);
        const int block = 4096;
        for (var first = 0; first < embeddings.Count; first += block)
        {
            using var inner = torch.NewDisposeScope();
            var count = Math.Min(block, embeddings.Count - first);
            var centred = EmbeddingTensor.Of(embeddings.Values, first, count, embeddings.Dimension).to(torch.float64) - mean;
            covariance.add_(torch.mm(centred.t(), centred));
        }

        var rising = torch.linalg.eigvalsh(covariance).data<double>().ToArray();
        return [.. rising.Reverse().Select(value => Math.Max(0, value))];
    }

    private static torch.Tensor Mean<T>(Embeddings<T> embeddings)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var sums = new double[embeddings.Dimension];
        for (var row = 0; row < embeddings.Count; row++)
        {
            var numbers = embeddings.Row(row);
            for (var i = 0; i < sums.Length; i++)
            {
                sums[i] += double.CreateTruncating(numbers[i]);
            }
        }

        return torch.tensor(sums, torch.float64, torch.CPU) / embeddings.Count;
    }
}
