using CondEmbed.Search;
using CondEmbed.Torch;
using TorchSharp;

namespace CondEmbed.Evaluation;

/// <summary>
/// PCF, the principal components fraction, as open-metric-learning's <c>calc_pcf</c>: with the eigenvalues l_1 >= ... >= l_D of the covariance of
/// N embeddings of D numbers, the largest n &lt;= min(N, D) + 1 for which (l_1 + ... + l_{n-1}) / (l_1 + ... + l_D) is at most the share of the
/// variance, over D. So n components explain more than that share. Unlike there, n is never more than D, and embeddings that are all equal give 0.
/// </summary>
public static class PrincipalComponents
{
    // Partial sums that equal the share up to rounding count as equal.
    private const double Rounding = 1e-9;

    /// <summary>N D -> the fraction for each share of variance.</summary>
    /// <param name="embeddings">The embeddings as they are: nothing is scaled.</param>
    /// <param name="variances">Shares of the variance, 0 to 1.</param>
    /// <exception cref="Common.InputException">An embedding is not finite.</exception>
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
    /// <exception cref="Common.InputException">An embedding is not finite.</exception>
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
        var centred = Centred(embeddings);
        var components = Math.Min(2, Math.Min(embeddings.Count, embeddings.Dimension));
        var axes = torch.linalg.svd(centred, fullMatrices: false).Vh[..components].t();
        var largest = axes.gather(0, axes.abs().argmax(0, keepdim: true));
        var places = centred.mm(axes * largest.sign()).contiguous().data<double>().ToArray();
        return
        [
            .. Enumerable.Range(0, embeddings.Count).Select(i =>
                new MapPoint(places[components * i], components == 1 ? 0 : places[(components * i) + 1])),
        ];
    }

    // The eigenvalues of the covariance up to a factor: squares of the singular values, in descending order.
    private static double[] Eigenvalues<T>(Embeddings<T> embeddings)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Native.ensure();
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        return [.. torch.linalg.svdvals(Centred(embeddings)).square().data<double>()];
    }

    // N D: in double precision, less their mean.
    private static torch.Tensor Centred<T>(Embeddings<T> embeddings)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var rows = TensorEmbeddings.Tensor(embeddings).to(torch.float64);
        return rows - rows.mean([0]);
    }
}
