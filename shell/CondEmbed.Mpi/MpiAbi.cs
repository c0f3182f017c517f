using System.Runtime.InteropServices;

namespace CondEmbed.Mpi;

/// <summary>How an MPI library names its own things in calls. Handles are passed and kept as wide as a pointer, of which one with whole numbers reads and writes the lower half.</summary>
/// <param name="Name">For people.</param>
/// <param name="World">MPI_COMM_WORLD.</param>
/// <param name="Byte">MPI_BYTE.</param>
/// <param name="Serialised">MPI_THREAD_SERIALIZED.</param>
internal sealed record MpiAbi(string Name, nint World, nint Byte, int Serialised)
{
    /// <summary>By the name and the exports of a loaded library.</summary>
    /// <param name="library">Its handle.</param>
    /// <param name="file">The name by which it was found, which decides first: MPICH has the functions of the standard's interface in its own library too, and behind that of Open MPI lie Open MPI's own symbols.</param>
    internal static MpiAbi Of(nint library, string file)
    {
        // From the mpi.h of the MPI Forum for MPI 5.0, chapter 20.
        if (Path.GetFileName(file).StartsWith("libmpi_abi", StringComparison.Ordinal))
        {
            return new("MPI standard ABI", 0x101, 0x247, 2048);
        }

        // The last from MPICH's own mpi.h, where these have been since version 3.1.
        return NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out var world)
            ? new("Open MPI", world, NativeLibrary.GetExport(library, "ompi_mpi_byte"), 2)
            : new("MPICH", 0x44000000, 0x4c00010d, 2);
    }
}
