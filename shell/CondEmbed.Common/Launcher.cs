namespace CondEmbed.Common;

/// <summary>What started this process together with others, as its environment says.</summary>
/// <param name="Name">Its name, for messages.</param>
/// <param name="Rank">The number of this process, from 0.</param>
/// <param name="Size">How many there are.</param>
/// <param name="LocalRank">The number of this process among those on its machine, from 0; by it a process takes its GPU.</param>
public sealed record Launcher(string Name, int Rank, int Size, int LocalRank)
{
    // Of two that started processes which train together, the first counts. Slurm sets SLURM_PROCID in a batch script too, and the number of a step's tasks only under srun.
    private static readonly Row[] Known =
    [
        new("Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
        new("MPICH", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"),
        new("Slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"),
        new("torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK"),
        new("a Slurm array", "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "") { First = "SLURM_ARRAY_TASK_MIN", Step = "SLURM_ARRAY_TASK_STEP", AreApart = true },
        new("a Kubernetes job", "JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", "") { AreApart = true },
    ];

    private static readonly Lazy<Launcher?> Found = new(() => Find(Environment.GetEnvironmentVariable));

    /// <summary>What started this process to work together with others; null for one that was started by itself.</summary>
    /// <exception cref="InputException">Its variables contradict each other.</exception>
    public static Launcher? Current => Found.Value;

    /// <summary>Whether anything tells this process that others work with it, be its numbers right or wrong.</summary>
    public static bool IsThere => Array.Exists(Known, row => !row.AreApart && row.IsSet(Environment.GetEnvironmentVariable));

    /// <summary>The launcher of processes that work together, at the same time, that some variables tell of; null for none.</summary>
    /// <param name="variable">The value of a variable, or null.</param>
    /// <exception cref="InputException">A number and how many there are contradict each other.</exception>
    public static Launcher? Find(Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        return Known.Where(row => !row.AreApart).Select(row => row.Told(variable)).FirstOrDefault(found => found is not null);
    }

    /// <summary>
    /// Which part of a divided work some variables give to this process: besides those that <see cref="Find"/> knows, the tasks of a Slurm array and the pods of an indexed Kubernetes
    /// job, which know nothing of each other. A launcher of one process says nothing where there is another.
    /// </summary>
    /// <param name="variable">The value of a variable, or null.</param>
    /// <exception cref="InputException">There is none, two of them say different things, or the numbers cannot be.</exception>
    public static Launcher OfParts(Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        var found = Known.Select(row => row.AreApart ? row.OfArray(variable) : row.Told(variable)).OfType<Launcher>().ToList();
        // srun may start MPICH's processes, and then both tell of the same ones.
        var several = found.Where(one => one.Size > 1).DistinctBy(one => (one.Rank, one.Size)).ToList();
        return several switch
        {
            [var one] => one,
            [] when found.Count > 0 => found[0],
            [] => throw new InputException($"nothing says which part of the work this process has: there are no variables of {string.Join(", ", Known.Select(row => $"{row.Name} ({row.Rank}, {row.Size})"))}. {Say}"),
            _ => throw new InputException($"several say which part of the work this process has: {string.Join("; ", several.Select(one => $"{one.Name}: {one.Rank + 1} of {one.Size}"))}. {Say}"),
        };
    }

    private static string Say => $"Say which part it is: {Wording.Of("new Shard(3, 8)", "--shard 3/8")}.";

    /// <summary>The variables of one launcher.</summary>
    private sealed record Row(string Name, string Rank, string Size, string Local)
    {
        /// <summary>Whether the processes know nothing of each other, and may run one after another.</summary>
        internal bool AreApart { get; init; }

        /// <summary>The variable with the number of the first process; without one, it is 0.</summary>
        internal string First { get; init; } = "";

        /// <summary>The variable with the distance of two numbers; without one, it is 1.</summary>
        internal string Step { get; init; } = "";

        /// <summary>Whether both variables are there. One alone is some other program's.</summary>
        internal bool IsSet(Func<string, string?> variable) => !string.IsNullOrEmpty(variable(Rank)) && !string.IsNullOrEmpty(variable(Size));

        internal Launcher? Told(Func<string, string?> variable) =>
            !IsSet(variable) ? null
            : Number(variable, Rank) is { } rank && Number(variable, Size) is { } size && rank < size ? new Launcher(Name, rank, size, Number(variable, Local) ?? 0)
            : throw new InputException(
                $"{Rank}={variable(Rank)} and {Size}={variable(Size)} tell this process its place among several, as {Name} does, but ranks are whole numbers from 0 to {Size} - 1. Correct them, or unset both to work with one process.");

        /// <summary>The same where a number is there for certain as soon as there is any.</summary>
        internal Launcher? OfArray(Func<string, string?> variable)
        {
            if (string.IsNullOrEmpty(variable(Rank)))
            {
                return null;
            }

            var (first, step) = (Number(variable, First) ?? 0, Math.Max(1, Number(variable, Step) ?? 1));
            if (Number(variable, Rank) is not { } number || Number(variable, Size) is not { } size)
            {
                throw new InputException($"{Name} gives this process the number {Rank}={variable(Rank)}, but {Size}={variable(Size)} does not say how many there are. Set {Size} to the number of parts, or say which part this is: {Wording.Of("new Shard(3, 8)", "--shard 3/8")}.");
            }

            return number >= first && (number - first) % step == 0 && (number - first) / step < size
                ? new Launcher(Name, (number - first) / step, size, 0)
                : throw new InputException($"{Name} gives this process the number {number}, and there are {size}, beginning with {first}: some numbers are left out. Take all of them, or say which part this is: {Wording.Of("new Shard(3, 8)", "--shard 3/8")}.");
        }

        private static int? Number(Func<string, string?> variable, string name) =>
            name.Length > 0 && int.TryParse(variable(name), NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) && number >= 0 ? number : null;
    }
}
