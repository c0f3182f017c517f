using CondEmbed.Search;
using CondEmbed.Torch;
using TorchSharp;

namespace CondEmbed.Evaluation;

/// <summary>
/// Exact t-SNE on tensors (van der Maaten and Hinton, "Visualizing Data using t-SNE", JMLR 2008): places in the plane whose Student-t similarities are
/// as close as possible to the affinities of the embeddings. It starts from their principal components (Kobak and Berens, Nature Communications 2019), so
/// that similar embeddings get similar maps, and sets its learning rate by the number of points (Belkina and others, Nature Communications 2019). Time and
/// memory grow with the square of the points: meant for some thousands. The same embeddings, options and number of threads give the same map.
/// </summary>
public static class Tsne
{
    /// <summary>Fewer points have no neighbourhoods to preserve; their map is their principal components.</summary>
    private const int FewestPoints = 8;

    /// <summary>Several N x N matrices are held, 3.2 GB each.</summary>
    private const int MostPoints = 20_000;

    private const double StartDeviation = 1e-4;
    private const double StartNoise = 1e-6;

    /// <summary>N D -> N places, around the origin.</summary>
    /// <param name="embeddings">The embeddings as they are: normalise them first if they are compared by cosine.</param>
    /// <param name="options">How to draw.</param>
    /// <param name="cancellationToken">Stops between two steps.</param>
    /// <exception cref="InputException">An embedding is not finite, or there are more than 20,000.</exception>
    public static MapPoint[] Map<T>(Embeddings<T> embeddings, TsneOptions? options = null, CancellationToken cancellationToken = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        options ??= new TsneOptions();
        options.Check();
        if (embeddings.Count > MostPoints)
        {
            throw new InputException($"t-SNE of {embeddings.Count} embeddings would need too much memory, which grows with their square: give at most {MostPoints}, or use PrincipalComponents.Plane.");
        }

        var plane = PrincipalComponents.Plane(embeddings);

        if (embeddings.Count < FewestPoints)
        {
            return plane;
        }

        Native.ensure();
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var perplexity = Math.Min(options.Perplexity, (embeddings.Count - 1) / 3.0);
        var affinities = TsneAffinities.Joint(SquaredDistances(embeddings), perplexity).to(torch.float32);
        var descent = new TsneDescent(affinities, Start(plane, options.Seed), options);

        for (var step = 0; step < options.Iterations; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            descent.Step();
        }

        var places = descent.Places.data<float>().ToArray();
        return [.. Enumerable.Range(0, embeddings.Count).Select(i => new MapPoint(places[2 * i], places[(2 * i) + 1]))];
    }

    private static torch.Tensor SquaredDistances<T>(Embeddings<T> embeddings)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using var scope = torch.NewDisposeScope();
        var rows = TensorEmbeddings.Tensor(embeddings).to(torch.float64);
        var squares = rows.square().sum(1, keepdim: true);
        return (squares + squares.t() - (2 * rows.mm(rows.t()))).clamp_(min: 0).MoveToOuterDisposeScope();
    }

    /// <summary>The principal components, scaled so that all points affect each other, with a little noise, without which equal points could never separate.</summary>
    private static torch.Tensor Start(MapPoint[] plane, int seed)
    {
        var deviation = Math.Sqrt(plane.Average(point => point.X * point.X));
        var scale = deviation > 0 ? StartDeviation / deviation : 0;
        var random = SeededRandom.For(seed, 0, 0);
        var numbers = new float[2 * plane.Length];

        for (var i = 0; i < plane.Length; i++)
        {
            numbers[2 * i] = (float)((scale * plane[i].X) + (StartNoise * random.Normal()));
            numbers[(2 * i) + 1] = (float)((scale * plane[i].Y) + (StartNoise * random.Normal()));
        }

        return torch.tensor(numbers, [plane.Length, 2], torch.float32, torch.CPU);
    }
}
