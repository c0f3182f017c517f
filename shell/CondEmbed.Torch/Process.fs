/// Tunes the C library of a process that computes with libtorch. Only on Linux with glibc; elsewhere it does nothing.
module internal CondEmbed.Torch.Process

open System
open System.Runtime.InteropServices

[<DllImport("libc", EntryPoint = "setenv")>]
extern int private setEnvironment(string name, string value, int overwrite)

[<DllImport("libc", EntryPoint = "mallopt")>]
extern int private setAllocator(int parameter, int value)

/// Threads of libgomp that wait for work spin for some ten microseconds and then sleep, unless the user's environment says otherwise. When other work needs
/// the cores, long spinning made a step several times slower; but with no spinning, every short operation waits for a thread to wake up:
/// losses of 512 images took 1.4 to 3 times as long on two idle cores. libgomp reads this once, when it is loaded, and not from .NET's own
/// copy of the environment.
let private waitPolitely () =
    if isNull (Environment.GetEnvironmentVariable "OMP_WAIT_POLICY") then
        setEnvironment ("GOMP_SPINCOUNT", "1000", 0) |> ignore

/// Blocks below 32 MiB (the most that glibc allows) stay in one arena that keeps its pages, so that what one thread frees another uses. Returning memory
/// to the system makes a step take up to a fifth longer; keeping it costs up to a third more memory than is in use, lost to fragmentation. Anything the user's
/// environment sets stays as it is.
let private keepPages () =
    for variable, parameter, value in
        [ "MALLOC_ARENA_MAX", -8, 1
          "MALLOC_MMAP_THRESHOLD_", -3, 32 <<< 20
          "MALLOC_TRIM_THRESHOLD_", -1, Int32.MaxValue
          "MALLOC_TOP_PAD_", -2, 64 <<< 20 ] do
        if isNull (Environment.GetEnvironmentVariable variable) then setAllocator (parameter, value) |> ignore

/// Call this before libtorch is loaded.
let settle () =
    if OperatingSystem.IsLinux() then
        try
            waitPolitely ()
            keepPages ()
        with :? EntryPointNotFoundException ->
            // Another C library, such as musl, may lack these functions.
            ()
