using System.Runtime.InteropServices;

namespace CondEmbed.Mpi;

/// <summary>How an MPI library names its own things in calls. All are passed as wide as a pointer, of which one with whole numbers reads the lower half.</summary>
/// <param name="Name">For people.</param>
/// <param name="World">MPI_COMM_WORLD.</param>
/// <param name="Byte">MPI_BYTE.</param>
internal sealed record MpiAbi(string Name, nint World, nint Byte)
{
    /// <summary>By what a loaded library exports.</summary>
    /// <param name="library">Its handle.</param>
    /// <param name="file">The name by which it was found: MPICH has the functions of the standard's interface in its own library too.</param>
    internal static MpiAbi Of(nint library, string file)
    {
        if (NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out var world))
        {
            return new("Open MPI", world, NativeLibrary.GetExport(library, "ompi_mpi_byte"));
        }

        // The first from the mpi.h of the MPI Forum for MPI 5.0, chapter 20; the second from MPICH's own mpi.h, where they have been since version 3.1.
        return Path.GetFileName(file).StartsWith("libmpi_abi", StringComparison.Ordinal)
            ? new("MPI standard ABI", 0x101, 0x247)
            : new("MPICH", 0x44000000, 0x4c00010d);
    }
}
