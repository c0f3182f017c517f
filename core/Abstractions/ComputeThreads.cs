namespace CondEmbed;

/// <summary>
/// How many threads this process computes with: torch, what measures and searches, and what reads pictures unless it is told otherwise. One number, since all of
/// them share the same cores. It is the process's, as torch's is: a training takes it from its settings while it runs, and no file that is loaded changes it.
/// </summary>
public static class ComputeThreads
{
    private static int chosen;
    private static int demanded;

    /// <summary>The number, at least 1.</summary>
    public static int Count => Demanded > 0 ? Demanded : Chosen is > 0 and var count ? count : Environment.ProcessorCount;

    /// <summary>The number of <see cref="Choose"/>; 0 for one a core.</summary>
    public static int Chosen => Volatile.Read(ref chosen);

    /// <summary>What the user demanded for this process, whatever settings say; 0 where nothing was demanded.</summary>
    public static int Demanded => Volatile.Read(ref demanded);

    /// <summary>How a loop that computes is spread.</summary>
    public static ParallelOptions Spread => new() { MaxDegreeOfParallelism = Count };

    /// <summary>Takes the number of some settings. What libtorch computes with is set by whoever has loaded it: see <c>CondEmbed.Torch.Native.useThreads</c>.</summary>
    /// <param name="threads">0 for one a core.</param>
    public static void Choose(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        Volatile.Write(ref chosen, threads);
    }

    /// <summary>Takes a number that wins over that of any settings.</summary>
    /// <param name="threads">0 for what settings say.</param>
    public static void Demand(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        Volatile.Write(ref demanded, threads);
    }

    /// <summary>The threads of work that may be given a number of its own.</summary>
    /// <param name="asked">0 for as many as everything else.</param>
    public static int Or(int asked) => asked > 0 ? asked : Count;
}
