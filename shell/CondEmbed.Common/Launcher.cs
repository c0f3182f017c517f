namespace CondEmbed.Common;

/// <summary>What started this process together with others, as its environment says.</summary>
/// <param name="Name">Its name, for messages.</param>
/// <param name="Rank">The number of this process, from 0.</param>
/// <param name="Size">How many there are.</param>
/// <param name="LocalRank">The number of this process among those on its machine, from 0; by it a process takes its GPU.</param>
public sealed record Launcher(string Name, int Rank, int Size, int LocalRank)
{
    // The first whose rank and size are both there. Slurm sets SLURM_PROCID in a batch script too, and the number of a step's tasks only under srun.
    private static readonly (string Name, string Rank, string Size, string Local)[] Known =
    [
        ("Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
        ("MPICH", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"),
        ("Slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"),
        ("torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK"),
    ];

    /// <summary>What started this process; null for one that was started by itself.</summary>
    public static Launcher? Current { get; } = Find(Environment.GetEnvironmentVariable);

    /// <summary>The launcher that some variables tell of; null for none.</summary>
    /// <param name="variable">The value of a variable, or null.</param>
    public static Launcher? Find(Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        int? Number(string name) => int.TryParse(variable(name), out var number) && number >= 0 ? number : null;

        foreach (var (name, rank, size, local) in Known)
        {
            if (Number(rank) is { } found && Number(size) is { } count && found < count)
            {
                return new Launcher(name, found, count, Number(local) ?? 0);
            }
        }

        return null;
    }
}
