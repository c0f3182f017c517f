namespace CondEmbed.Evaluation;

/// <summary>How <see cref="Tsne"/> draws its map.</summary>
public sealed record TsneOptions
{
    /// <summary>About how many neighbours of each point count; at most a third of the other points is taken.</summary>
    public double Perplexity { get; init; } = 30;

    /// <summary>Steps of gradient descent.</summary>
    public int Iterations { get; init; } = 500;

    /// <summary>The first steps, which gather clusters: with exaggerated affinities and little momentum.</summary>
    public int EarlyIterations { get; init; } = 125;

    /// <summary>The factor by which the affinities are multiplied in the first steps.</summary>
    public double Exaggeration { get; init; } = 12;

    /// <summary>Seed of the noise that separates points with equal principal components.</summary>
    public int Seed { get; init; }

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Perplexity, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(Iterations);
        ArgumentOutOfRangeException.ThrowIfNegative(EarlyIterations);
        ArgumentOutOfRangeException.ThrowIfLessThan(Exaggeration, 1);
    }
}
