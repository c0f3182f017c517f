using TorchSharp;

namespace CondEmbed.Evaluation;

/// <summary>
/// Gradient descent on the divergence between affinities and map: section 3.4 of van der Maaten and Hinton (2008), with momentum and with a gain for
/// each coordinate (Jacobs 1988) as there.
/// </summary>
/// <param name="affinities">N N, of the caller's scope.</param>
/// <param name="places">N 2, in the same type of numbers: where the points begin, and then are. It is of the caller's scope, too.</param>
/// <param name="options">How far to go.</param>
internal sealed class TsneDescent(torch.Tensor affinities, torch.Tensor places, TsneOptions options)
{
    private const double LeastRate = 50;
    private const double LeastGain = 0.01;

    private readonly torch.Tensor velocity = torch.zeros_like(places);
    private readonly torch.Tensor gains = torch.ones_like(places);
    private readonly double rate = Math.Max(LeastRate, places.shape[0] / options.Exaggeration / 4);
    private int steps;

    internal torch.Tensor Places => places;

    internal void Step()
    {
        using var scope = torch.NewDisposeScope();
        var early = steps++ < options.EarlyIterations;
        var gradient = Gradient(affinities, Places, early ? options.Exaggeration : 1);
        // A gradient against the velocity: the point still goes downhill, and gains speed.
        var downhill = (gradient * velocity) < 0;
        gains.copy_(torch.where(downhill, gains + 0.2, gains * 0.8).clamp_(min: LeastGain));
        velocity.mul_(early ? 0.5 : 0.8).sub_(rate * gains * gradient);
        Places.add_(velocity);
        Places.sub_(Places.mean([0L], keepdim: true));
    }

    /// <summary>
    /// N N affinities p, N 2 places y -> N 2, equation 5: 4 sum_j (e p_ij - q_ij) (y_i - y_j) t_ij with t_ij = 1 / (1 + |y_i - y_j|^2), Z their sum,
    /// q = t / Z. As few passes over N N numbers as possible: 1 + |y_i - y_j|^2 is one matrix product, and so are both sums over j.
    /// </summary>
    internal static torch.Tensor Gradient(torch.Tensor affinities, torch.Tensor places, double exaggeration)
    {
        using var scope = torch.NewDisposeScope();
        var closeness = Closeness(places);
        var total = closeness.sum().ToDouble();
        var ones = torch.ones_like(places.narrow(1, 0, 1));
        var pull = torch.add(closeness, affinities, alpha: -exaggeration * total).mul_(closeness);
        var sums = pull.mm(torch.cat([places, ones], 1));
        return ((sums.narrow(1, 0, 2) - (places * sums.narrow(1, 2, 1))) * (4 / total)).MoveToOuterDisposeScope();
    }

    private static torch.Tensor Closeness(torch.Tensor places)
    {
        var squares = places.square().sum(1, keepdim: true);
        var ones = torch.ones_like(squares);
        var left = torch.cat([-2 * places, squares + 1, ones], 1);
        var right = torch.cat([places, ones, squares], 1);
        return TsneAffinities.WithDiagonal(left.mm(right.t()).reciprocal_(), 0);
    }
}
