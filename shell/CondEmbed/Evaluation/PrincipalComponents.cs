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

    /// <summary>
    /// N D -> N places: the embeddings along their two principal components, from their mean. The largest number of each component is made positive, so
    /// that the map does not depend on the solver's choice of sign.
    /// </summary>
    /// <exception cref="InputException">An embedding is not finite.</exception>
    public static MapPoint[] Plane<T>(Embeddings<T> embeddings)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        embeddings.ThrowIfNotFinite();

        if (embeddings.Count == 0)
        {
            return [];
        }

        Native.ensure();
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var mean = Mean(embeddings);
        var (_, vectors) = torch.linalg.eigh(Covariance(embeddings, mean));
        var components = Math.Min(2, embeddings.Dimension);
        var axes = vectors.narrow(1, embeddings.Dimension - components, components).flip(1);
        var largest = axes.gather(0, axes.abs().argmax(0, keepdim: true));
        var centred = EmbeddingTensor.Of(embeddings.Values, 0, embeddings.Count, embeddings.Dimension).to(torch.float64) - mean;
        var places = centred.mm(axes * largest.sign()).contiguous().data<double>().ToArray();
        return
        [
            .. Enumerable.Range(0, embeddings.Count).Select(i =>
                new MapPoint(places[components * i], components == 1 ? 0 : places[(components * i) + 1])),
        ];
    }

    private static double[] Eigenvalues<T>(Embeddings<T> embeddings)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Native.ensure();
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var rising = torch.linalg.eigvalsh(Covariance(embeddings, Mean(embeddings))).data<double>().ToArray();
        return [.. rising.Reverse().Select(value => Math.Max(0, value))];
    }

    // In double precision, a block of embeddings at a time.
    private static torch.Tensor Covariance<T>(Embeddings<T> embeddings, torch.Tensor mean)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var covariance = torch.zeros(embeddings.Dimension, embeddings.Dimension, torch.float64, torch.CPU);
        const int block = 4096;
        for (var first = 0; first < embeddings.Count; first += block)
        {
            using var inner = torch.NewDisposeScope();
            var count = Math.Min(block, embeddings.Count - first);
            var centred = EmbeddingTensor.Of(embeddings.Values, first, count, embeddings.Dimension).to(torch.float64) - mean;
            covariance.add_(torch.mm(centred.t(), centred));
        }

        return covariance;
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
