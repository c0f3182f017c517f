/// What a process that computes with libtorch should ask of its system's C library. Only Linux with glibc is touched; elsewhere nothing is done.
module internal CondEmbed.Process

open System
open System.Runtime.InteropServices

[<DllImport("libc", EntryPoint = "setenv")>]
extern int private setEnvironment(string name, string value, int overwrite)

[<DllImport("libc", EntryPoint = "mallopt")>]
extern int private setAllocator(int parameter, int value)

/// Threads of libgomp that wait for work sleep instead of spinning, unless the user's environment says otherwise: where other work wants the
/// cores, spinning was seen to make a step several times slower, and on an idle machine it gained little. libgomp reads this once, when
/// it is loaded, and not from .NET's own copy of the environment.
let private waitPolitely () = setEnvironment ("OMP_WAIT_POLICY", "passive", 0) |> ignore

/// Blocks below 32 MiB (the most that glibc allows) stay in one arena that keeps its pages, so that what one thread frees another uses. Three
/// alternating runs with and without it on an idle machine showed no difference in a step's time beyond noise; the flat memory of a long run
/// was measured with it.
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
