using System.Runtime.InteropServices;
using System.Text;
using CondEmbed.Common;

namespace CondEmbed.Mpi;

/// <summary>The MPI library of this machine and the few of its functions that training needs.</summary>
internal sealed unsafe class MpiLibrary
{
    /// <summary>Names the library's file where it is not found, or another is wanted.</summary>
    internal const string Variable = "CONDEMBED_MPI";

    private const int Success = 0;

    // More than an MPI_Status of any kind: 20 bytes, 24, and the standard's 32.
    private const int StatusSize = 64;

    // RTLD_NOW | RTLD_GLOBAL: Open MPI's own plug-ins look for its symbols.
    private static readonly int LoadForAll = OperatingSystem.IsMacOS() ? 0x2 | 0x8 : 0x2 | 0x100;

    private readonly nint library;

    private MpiLibrary(nint library, string file)
    {
        this.library = library;
        File = file;
        Abi = MpiAbi.Of(library, file);
    }

    internal string File { get; }

    internal MpiAbi Abi { get; }

    /// <summary>The library's own words on its version, of one line.</summary>
    internal string Version
    {
        get
        {
            // 8192 bytes are the most that any asks for.
            var text = new byte[8192];
            int length;
            fixed (byte* start = text)
                Demand(((delegate* unmanaged[Cdecl]<byte*, int*, int>)At("MPI_Get_library_version"))(start, &length), "MPI_Get_library_version");
            return Encoding.UTF8.GetString(text, 0, Math.Clamp(length, 0, text.Length)).Split('\n', ',')[0].Replace('\t', ' ').Trim(' ', '\0');
        }
    }

    /// <summary>The library that fits what started this process; null where there is none.</summary>
    /// <exception cref="InputException">The variable names what is no MPI.</exception>
    internal static MpiLibrary? Find(Launcher? launcher)
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named)
        {
            return Named(named);
        }

        foreach (var file in Candidates(launcher?.Name))
        {
            if (Load(file) is var handle and not 0)
            {
                return new MpiLibrary(handle, file);
            }
        }

        return null;
    }

    /// <summary>Every library that is here, to be told of and not to be used: first the one that <see cref="Find"/> takes, and that alone where the variable names it.</summary>
    /// <exception cref="InputException">The variable names what is no MPI.</exception>
    internal static IReadOnlyList<MpiLibrary> All(Launcher? launcher)
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named)
        {
            return [Named(named)];
        }

        LeaveSignals();

        // Each for itself: where the symbols of one are open to all, another would call them.
        var found = Candidates(launcher?.Name).Select(file => NativeLibrary.TryLoad(file, out var handle) ? new MpiLibrary(handle, file) : null).OfType<MpiLibrary>();
        return [.. found.DistinctBy(one => one.library)];
    }

    private static MpiLibrary Named(string file) => Load(file) switch
    {
        0 => throw new InputException($"{Variable} names {file}, which cannot be loaded. {Remedy}"),
        var handle when NativeLibrary.TryGetExport(handle, "MPI_Init_thread", out _) => new MpiLibrary(handle, file),
        _ => throw new InputException($"{Variable} names {file}, which is no MPI: it has no MPI_Init_thread. {Remedy}"),
    };

    private const string Remedy = "Give the file of an MPI's library, such as libmpi.so.40, or leave the variable unset.";

    internal void Start()
    {
        int given;
        Demand(((delegate* unmanaged[Cdecl]<int*, byte***, int, int*, int>)At("MPI_Init_thread"))(null, null, Abi.Serialised, &given), "MPI_Init_thread");
    }

    internal int Rank() => Number("MPI_Comm_rank");

    internal int Size() => Number("MPI_Comm_size");

    /// <summary>The bytes of all processes in their order.</summary>
    internal void Gather(byte* own, byte* all, int bytes) => Move("MPI_Allgather", own, all, bytes);

    /// <summary>So many bytes to each process, and from each.</summary>
    internal void Exchange(byte* sent, byte* received, int bytes) => Move("MPI_Alltoall", sent, received, bytes);

    /// <summary>The bytes of process 0.</summary>
    internal void Spread(byte* all, int bytes) =>
        Demand(((delegate* unmanaged[Cdecl]<byte*, int, nint, int, nint, int>)At("MPI_Bcast"))(all, bytes, Abi.Byte, 0, Abi.World), "MPI_Bcast");

    /// <summary>The processes once more, whose messages do not mix with those of the first. All call it together.</summary>
    internal nint Others()
    {
        nint others = 0;
        Demand(((delegate* unmanaged[Cdecl]<nint, nint*, int>)At("MPI_Comm_dup"))(Abi.World, &others), "MPI_Comm_dup");
        return others;
    }

    /// <summary>Begins to gather among some processes; the bytes stay where they are until that is done.</summary>
    /// <returns>What is under way.</returns>
    internal nint BeginGather(byte* own, byte* all, int bytes, nint among) => Begin("MPI_Iallgather", own, all, bytes, among);

    /// <summary>Begins to exchange among some processes; the bytes stay where they are until that is done.</summary>
    /// <returns>What is under way.</returns>
    internal nint BeginExchange(byte* sent, byte* received, int bytes, nint among) => Begin("MPI_Ialltoall", sent, received, bytes, among);

    /// <summary>Whether something under way is done. It moves on meanwhile.</summary>
    internal bool IsDone(ref nint request)
    {
        int done;
        var status = stackalloc byte[StatusSize];
        fixed (nint* place = &request)
            Demand(((delegate* unmanaged[Cdecl]<nint*, int*, byte*, int>)At("MPI_Test"))(place, &done, status), "MPI_Test");
        return done != 0;
    }

    /// <summary>Waits until something under way is done.</summary>
    internal void Finish(ref nint request)
    {
        var status = stackalloc byte[StatusSize];
        fixed (nint* place = &request)
            Demand(((delegate* unmanaged[Cdecl]<nint*, byte*, int>)At("MPI_Wait"))(place, status), "MPI_Wait");
    }

    internal void Wait() => Demand(((delegate* unmanaged[Cdecl]<nint, int>)At("MPI_Barrier"))(Abi.World), "MPI_Barrier");

    /// <summary>Ends all processes.</summary>
    internal void Abort(int code) => _ = ((delegate* unmanaged[Cdecl]<nint, int, int>)At("MPI_Abort"))(Abi.World, code);

    internal void End() => Demand(((delegate* unmanaged[Cdecl]<int>)At("MPI_Finalize"))(), "MPI_Finalize");

    private static string[] Candidates(string? launcher)
    {
        string[] open = ["libmpi.so.40", "libmpi.40.dylib"];
        string[] others = ["libmpi.so.12", "libmpich.so.12", "libmpi.12.dylib", "libmpi_abi.so.0", "libmpi_abi.so", "libmpi_abi.dylib"];
        return launcher == "MPICH" ? [.. others, .. open] : [.. open, .. others];
    }

    // UCX, below MPICH and many an Open MPI, ends the process at a signal of which .NET makes a NullReferenceException.
    // .NET's own SetEnvironmentVariable does not reach it. What the user has set stays.
    private static void LeaveSignals()
    {
        if (!OperatingSystem.IsWindows())
        {
            _ = SetVariable("UCX_ERROR_SIGNALS", "", 0);
        }
    }

    private static nint Load(string file)
    {
        LeaveSignals();
        if (OperatingSystem.IsWindows())
        {
            return NativeLibrary.TryLoad(file, out var handle) ? handle : 0;
        }

        try
        {
            return Open(file, LoadForAll);
        }
        catch (EntryPointNotFoundException)
        {
            // Before glibc 2.34, libc did not have it.
            return OpenOlder(file, LoadForAll);
        }
    }

    private void Move(string function, byte* sent, byte* received, int bytes) =>
        Demand(((delegate* unmanaged[Cdecl]<byte*, int, nint, byte*, int, nint, nint, int>)At(function))(sent, bytes, Abi.Byte, received, bytes, Abi.Byte, Abi.World), function);

    private nint Begin(string function, byte* sent, byte* received, int bytes, nint among)
    {
        nint request = 0;
        Demand(((delegate* unmanaged[Cdecl]<byte*, int, nint, byte*, int, nint, nint, nint*, int>)At(function))(sent, bytes, Abi.Byte, received, bytes, Abi.Byte, among, &request), function);
        return request;
    }

    private int Number(string function)
    {
        int number;
        Demand(((delegate* unmanaged[Cdecl]<nint, int*, int>)At(function))(Abi.World, &number), function);
        return number;
    }

    private nint At(string function) => NativeLibrary.GetExport(library, function);

    // By default an MPI ends all processes itself when a call fails.
    private static void Demand(int code, string function)
    {
        if (code != Success)
        {
            throw new InvalidOperationException($"{function} failed with code {code}.");
        }
    }

    [DllImport("libc", EntryPoint = "setenv")]
    private static extern int SetVariable([MarshalAs(UnmanagedType.LPUTF8Str)] string name, [MarshalAs(UnmanagedType.LPUTF8Str)] string value, int overwrite);

    [DllImport("libc", EntryPoint = "dlopen")]
    private static extern nint Open([MarshalAs(UnmanagedType.LPUTF8Str)] string file, int flags);

    [DllImport("libdl.so.2", EntryPoint = "dlopen")]
    private static extern nint OpenOlder([MarshalAs(UnmanagedType.LPUTF8Str)] string file, int flags);
}
