namespace CondEmbed.Images;

/// <summary>
/// A small seeded generator: SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
/// It is a mutable value: pass it by reference. The same seeds give the same numbers on every machine and .NET version, up to the
/// last bit of the logarithm and cosine in <see cref="Normal"/>.
/// </summary>
public struct SeededRandom
{
    private const ulong Gamma = 0x9E3779B97F4A7C15;

    private ulong state;

    /// <summary>A stream that starts from a raw state.</summary>
    public SeededRandom(ulong seed) => state = seed;

    /// <summary>
    /// The stream of one image of a run, a pure function of its arguments. Each argument is mixed in by one round of the
    /// generator, so neighbouring steps and slots get unrelated streams.
    /// </summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="step">The training step.</param>
    /// <param name="slot">The image's place in the batch.</param>
    public static SeededRandom For(long seed, long step, long slot)
    {
        var mixed = Mix((ulong)seed + Gamma);
        mixed = Mix((mixed ^ (ulong)step) + Gamma);
        return new SeededRandom(Mix((mixed ^ (ulong)slot) + Gamma));
    }

    /// <summary>A stream of its own for each list of numbers, such as seed, epoch and class.</summary>
    internal static SeededRandom Of(params ReadOnlySpan<ulong> key)
    {
        var state = 0UL;
        foreach (var part in key)
            state = Mix(state + Gamma + part);
        return new SeededRandom(state);
    }

    /// <summary>64 random bits.</summary>
    public ulong Bits()
    {
        state += Gamma;
        return Mix(state);
    }

    /// <summary>Uniform in [0, 1), a multiple of 2^-53.</summary>
    public double Unit() => (Bits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [low, high); exactly low when both are equal. One draw in any case.</summary>
    public double Uniform(double low, double high) => low + (high - low) * Unit();

    /// <summary>Uniform in an interval.</summary>
    public double Uniform(Interval interval) => Uniform(interval.Low, interval.High);

    /// <summary>Uniform over 0 .. n-1 without bias (Lemire, "Fast random integer generation in an interval", 2019).</summary>
    /// <exception cref="ArgumentOutOfRangeException">n is not positive.</exception>
    public int Next(int n)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(n);
        var bound = (ulong)n;
        var threshold = (0 - bound) % bound;
        while (true)
        {
            var high = Math.BigMul(Bits(), bound, out var low);
            if (low >= threshold)
                return (int)high;
        }
    }

    /// <summary>True with the given probability. One draw in any case.</summary>
    public bool Bool(double probability) => Unit() < probability;

    /// <summary>Standard normal (Box and Muller 1958; two draws, one number).</summary>
    public double Normal()
    {
        var radius = Math.Sqrt(-2 * Math.Log(1 - Unit()));
        return radius * Math.Cos(2 * Math.PI * Unit());
    }

    /// <summary>Puts a random permutation of 0 .. n-1 into the span (Fisher and Yates).</summary>
    public void Permutation(Span<int> order)
    {
        for (var i = 0; i < order.Length; i++)
        {
            var j = Next(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
