namespace CondEmbed.Sampling;

/// <summary>
/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): the same numbers on every machine,
/// which <see cref="Random"/> does not promise.
/// </summary>
internal struct SplitMix64
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    private ulong state;

    /// <summary>A generator of its own for each list of numbers, such as seed, epoch, class.</summary>
    internal SplitMix64(params ReadOnlySpan<ulong> key)
    {
        state = 0;
        foreach (var part in key)
        {
            state = Mix(state + Golden + part);
        }
    }

    internal ulong Next() => Mix(state += Golden);

    /// <summary>A whole number from 0 to below <paramref name="bound"/>, every one equally likely (Lemire 2019).</summary>
    internal int Below(int bound)
    {
        var range = (ulong)bound;
        var high = Math.BigMul(Next(), range, out var low);
        while (low < range && low < unchecked(0 - range) % range)
        {
            high = Math.BigMul(Next(), range, out low);
        }

        return (int)high;
    }

    /// <summary>A number from 0 to below 1, in steps of 2^-53.</summary>
    internal double Fraction() => (Next() >> 11) * (1.0 / (1UL << 53));

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
