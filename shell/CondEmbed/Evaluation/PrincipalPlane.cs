using TorchSharp;

namespace CondEmbed.Evaluation;

/// <summary>The plane on which embeddings differ most.</summary>
internal static class PrincipalPlane
{
    /// <summary>N D -> N coordinates along the two directions of the greatest variance, each direction so turned that its largest entry is positive.</summary>
    internal static (double[] X, double[] Y) Of(Embeddings<float> embeddings)
    {
        Native.ensure();
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var all = EmbeddingTensor.Of(embeddings.Values, 0, embeddings.Count, embeddings.Dimension).to(torch.float64);
        var centred = all - all.mean([0L], keepdim: true);
        var (_, directions) = torch.linalg.eigh(centred.t().mm(centred));
        return (Along(1), Along(2));

        double[] Along(int place)
        {
            if (place > embeddings.Dimension)
                return new double[embeddings.Count];
            var direction = directions.select(1, embeddings.Dimension - place).contiguous();
            var sign = Math.Sign(direction.data<double>().ToArray().MaxBy(Math.Abs));
            return (centred.mv(direction) * sign).data<double>().ToArray();
        }
    }
}
