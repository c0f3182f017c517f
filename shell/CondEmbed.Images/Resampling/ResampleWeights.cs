using System.Collections.Concurrent;

namespace CondEmbed.Images;

/// <summary>
/// The filter taps along one axis, in the fixed-point arithmetic of Pillow's <c>Resample.c</c>: weights normalised in double,
/// then rounded (half away from zero) to multiples of 2^-22.
/// </summary>
internal sealed class ResampleWeights
{
    // How many weights to keep for lines of the same size, 16 MiB of them; crops have some hundreds of sizes.
    private const long MostKept = 4 << 20;

    private static readonly ConcurrentDictionary<(int Input, int Size, int First, int Count, ResampleFilter Filter), ResampleWeights> Known = new();
    private static long kept;

    /// <summary>Fractional bits of a weight: 32 less 8 for the pixel, less 2 for overshoot and sign.</summary>
    internal const int Bits = 22;

    private readonly int[] starts;
    private readonly int[] values;
    private ResampleRows? rows;

    /// <summary>Weights of the outputs first .. first+count-1 of a line resized from [low, high) to size pixels.</summary>
    /// <param name="inputSize">Pixels in the input line; taps beyond it are cut off and the rest renormalised.</param>
    /// <param name="low">Where the box begins, in input pixels.</param>
    /// <param name="high">Where it ends.</param>
    /// <param name="size">Pixels of the whole output line.</param>
    /// <param name="first">First output wanted.</param>
    /// <param name="count">How many outputs are wanted.</param>
    /// <param name="filter">The filter.</param>
    internal ResampleWeights(int inputSize, double low, double high, int size, int first, int count, ResampleFilter filter)
    {
        var scale = (high - low) / size;
        var stretch = Math.Max(scale, 1.0);
        var support = Radius(filter) * stretch;
        var taps = (int)Math.Ceiling(support) * 2 + 1;
        Count = count;
        Stride = taps + (taps & 1);
        IsIdentity = size == inputSize && low == 0 && high == inputSize;
        starts = new int[count];
        values = new int[count * Stride];
        Span<double> exact = taps <= 256 ? stackalloc double[taps] : new double[taps];
        for (var i = 0; i < count; i++)
        {
            var centre = low + (first + i + 0.5) * scale;
            var begin = Math.Max((int)(centre - support + 0.5), 0);
            var length = Math.Min((int)(centre + support + 0.5), inputSize) - begin;
            Evaluate(filter, begin, centre, 1.0 / stretch, exact[..length]);
            starts[i] = begin;
            Round(exact[..length], values.AsSpan(i * Stride, Stride));
        }

        First = starts[0];
        End = First;
        for (var i = 0; i < count; i++)
        {
            var used = TapsUpTo(values.AsSpan(i * Stride, Stride));
            (Taps, End) = (Math.Max(Taps, used), Math.Max(End, starts[i] + used));
        }
    }

    /// <summary>Outputs.</summary>
    internal int Count { get; }

    /// <summary>Weights kept for each output, an even number; those after the last tap are zero.</summary>
    internal int Stride { get; }

    /// <summary>The most taps that an output has, weights of zero at the end left out.</summary>
    internal int Taps { get; }

    /// <summary>The line is not changed at all (a whole line to its own size), whatever part of it is wanted.</summary>
    internal bool IsIdentity { get; }

    /// <summary>First input pixel that any output uses.</summary>
    internal int First { get; }

    /// <summary>One after the last input pixel that any output uses.</summary>
    internal int End { get; }

    /// <summary>The same weights, sorted for the pass over rows.</summary>
    internal ResampleRows Rows => rows ??= new ResampleRows(this);

    /// <summary>First input pixel of each output.</summary>
    internal ReadOnlySpan<int> Starts => starts;

    /// <summary>Stride weights for each output.</summary>
    internal ReadOnlySpan<int> Values => values;

    /// <summary>A weight of an output; zero after the last.</summary>
    internal int WeightOf(int output, int tap) => tap < Stride ? values[output * Stride + tap] : 0;

    /// <summary>How far a filter reaches at its natural size, in pixels.</summary>
    internal static double Radius(ResampleFilter filter) => filter switch
    {
        ResampleFilter.Bilinear => 1,
        ResampleFilter.Bicubic => 2,
        _ => throw new ArgumentOutOfRangeException(nameof(filter))
    };

    /// <summary>Weights of a whole line of pixels, which are computed once for lines of the same size.</summary>
    internal static ResampleWeights Of(int inputSize, int size, int first, int count, ResampleFilter filter)
    {
        var key = (inputSize, size, first, count, filter);
        if (Known.TryGetValue(key, out var known))
            return known;
        var weights = new ResampleWeights(inputSize, 0, inputSize, size, first, count, filter);
        if (Interlocked.Add(ref kept, weights.values.Length + (16L * count)) <= MostKept)
            Known.TryAdd(key, weights);
        return weights;
    }

    // The additions are in Pillow's order: another order would round differently.
    private static void Evaluate(ResampleFilter filter, int begin, double centre, double shrink, Span<double> weights)
    {
        var sum = 0.0;
        for (var x = 0; x < weights.Length; x++)
        {
            var distance = (x + begin - centre + 0.5) * shrink;
            weights[x] = filter == ResampleFilter.Bilinear ? Triangle(distance) : Cubic(distance);
            sum += weights[x];
        }

        if (sum != 0)
            for (var x = 0; x < weights.Length; x++)
                weights[x] /= sum;
    }

    private static void Round(ReadOnlySpan<double> exact, Span<int> fixedPoint)
    {
        for (var x = 0; x < exact.Length; x++)
            fixedPoint[x] = (int)(exact[x] * (1 << Bits) + (exact[x] < 0 ? -0.5 : 0.5));
        fixedPoint[exact.Length..].Clear();
    }

    private static int TapsUpTo(ReadOnlySpan<int> weights) => weights.LastIndexOfAnyExcept(0) + 1;

    private static double Triangle(double x)
    {
        x = Math.Abs(x);
        return x < 1 ? 1 - x : 0;
    }

    private static double Cubic(double x)
    {
        const double a = -0.5;
        x = Math.Abs(x);
        if (x < 1)
            return ((a + 2) * x - (a + 3)) * x * x + 1;
        return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    }
}
