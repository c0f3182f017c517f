namespace CondEmbed.Common;

/// <summary>
/// How many threads this process computes with: torch, evaluation, search, and reading images unless told otherwise. It is one number, since all of
/// them share the same cores. It belongs to the process, as torch's does: a training run sets it from its settings while it runs, and loading a file never changes it.
/// </summary>
public static class ComputeThreads
{
    private static int chosen;
    private static int demanded;

    /// <summary>The number, at least 1.</summary>
    public static int Count => Demanded > 0 ? Demanded : Chosen is > 0 and var count ? count : Environment.ProcessorCount;

    /// <summary>The number of <see cref="Choose"/>; 0 for one per core.</summary>
    public static int Chosen => Volatile.Read(ref chosen);

    /// <summary>What the user asked for in this process, overriding any settings; 0 if nothing was asked for.</summary>
    public static int Demanded => Volatile.Read(ref demanded);

    /// <summary>How a computing loop is spread over threads.</summary>
    public static ParallelOptions Spread => new() { MaxDegreeOfParallelism = Count };

    /// <summary>Sets the number from settings. The number for libtorch is set by whoever has loaded it: see <c>CondEmbed.Torch.Native.useThreads</c>.</summary>
    /// <param name="threads">0 for one per core.</param>
    public static void Choose(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        Volatile.Write(ref chosen, threads);
    }

    /// <summary>Sets a number that overrides any settings.</summary>
    /// <param name="threads">0 to follow the settings.</param>
    public static void Demand(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        Volatile.Write(ref demanded, threads);
    }

    /// <summary>The number of threads for work that may have its own setting.</summary>
    /// <param name="asked">0 for the same number as everything else.</param>
    public static int Or(int asked) => asked > 0 ? asked : Count;
}
