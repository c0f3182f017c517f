/// What a process that computes with libtorch should ask of its system's C library. Only Linux with glibc is touched; elsewhere nothing is done.
module internal CondEmbed.Process

open System
open System.Runtime.InteropServices

[<DllImport("libc", EntryPoint = "setenv")>]
extern int private setEnvironment(string name, string value, int overwrite)

[<DllImport("libc", EntryPoint = "mallopt")>]
extern int private setAllocator(int parameter, int value)

/// Threads of libgomp that wait for work sleep instead of spinning, unless the user's environment says otherwise: spinning gains little on an
/// idle machine, and where other work wants the cores it makes a step ten times slower. libgomp reads this once, when it is loaded, and
/// not from .NET's own copy of the environment.
let private waitPolitely () = setEnvironment ("OMP_WAIT_POLICY", "passive", 0) |> ignore

/// A training step frees and takes the same large blocks again and again. By default glibc gives them back to the system each time, and the
/// system must clear every page anew (a quarter of a step's time, measured); and it keeps an arena for each thread, so that memory
/// freed by one thread is not used by another. Here blocks below 32 MiB (the most that glibc allows) stay in one arena that keeps its pages.
let private keepPages () =
    let trimThreshold, topPad, mapThreshold, arenas = -1, -2, -3, -8
    setAllocator (arenas, 1) |> ignore
    setAllocator (mapThreshold, 32 <<< 20) |> ignore
    setAllocator (trimThreshold, Int32.MaxValue) |> ignore
    setAllocator (topPad, 64 <<< 20) |> ignore

/// To be called before libtorch is loaded.
let settle () =
    if OperatingSystem.IsLinux() then
        try
            waitPolitely ()
            keepPages ()
        with :? EntryPointNotFoundException ->
            // Another C library, such as musl, without these functions.
            ()
