using TorchSharp;

namespace CondEmbed.Evaluation;

/// <summary>How near points are to each other, as probabilities: equations 1 and 2 of van der Maaten and Hinton (2008), and section 3.1.</summary>
internal static class TsneAffinities
{
    private const int MostRounds = 64;
    private const double Tolerance = 1e-5;

    /// <summary>N N squared distances -> N N symmetric affinities that sum to 1.</summary>
    internal static torch.Tensor Joint(torch.Tensor distances, double perplexity)
    {
        using var scope = torch.NewDisposeScope();
        var conditional = Conditional(distances, perplexity);
        return ((conditional + conditional.t()) / (2 * distances.shape[0])).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// N N squared distances -> N N: row i is a Gaussian around point i, without i itself, whose width is found by bisection so that the row's entropy
    /// is the logarithm of the perplexity. All rows are searched at once.
    /// </summary>
    internal static torch.Tensor Conditional(torch.Tensor distances, double perplexity)
    {
        using var scope = torch.NewDisposeScope();
        // The nearest point at distance 0: the probabilities stay as they are, and no row is all zeros.
        var nearest = WithDiagonal(distances.clone(), double.PositiveInfinity).min(1, keepdim: true).values;
        var shifted = WithDiagonal(distances - nearest, 0);
        var wanted = Math.Log(perplexity);
        var precision = 1 / (shifted.mean([1], keepdim: true) + 1e-12);
        var (low, high) = (torch.zeros_like(precision), torch.full_like(precision, double.PositiveInfinity));

        for (var round = 0; round < MostRounds; round++)
        {
            using var inner = torch.NewDisposeScope();
            var excess = Entropies(shifted, precision) - wanted;

            if (excess.abs().max().item<double>() < Tolerance)
            {
                break;
            }

            var isFlat = excess > 0;
            low = torch.where(isFlat, precision, low).MoveToOuterDisposeScope();
            high = torch.where(isFlat, high, precision).MoveToOuterDisposeScope();
            precision = torch.where(high.isinf(), 2 * precision, (low + high) / 2).MoveToOuterDisposeScope();
        }

        var weights = Weights(shifted, precision);
        return (weights / weights.sum(1, keepdim: true)).MoveToOuterDisposeScope();
    }

    /// <summary>The same N N numbers, once their diagonal is set in place.</summary>
    internal static torch.Tensor WithDiagonal(torch.Tensor square, double value)
    {
        using var scope = torch.NewDisposeScope();
        square.diagonal().fill_(value);
        return square;
    }

    private static torch.Tensor Weights(torch.Tensor shifted, torch.Tensor precision) => WithDiagonal((shifted * -precision).exp_(), 0);

    /// <summary>Of p = w / s with w = exp(-b d): -sum p log p = log s + b sum w d / s.</summary>
    private static torch.Tensor Entropies(torch.Tensor shifted, torch.Tensor precision)
    {
        var weights = Weights(shifted, precision);
        var sum = weights.sum(1, keepdim: true);
        return sum.log() + (precision * weights.mul_(shifted).sum(1, keepdim: true) / sum);
    }
}
