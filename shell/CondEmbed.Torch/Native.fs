/// Makes libtorch loadable before torch is first called, and says clearly what is missing.
///
/// Most systems need no help. TorchSharp's own library, however, asks for version GLIBCXX_3.4.32 of libstdc++ (GCC 13), which Debian 12,
/// Ubuntu 22.04 and RHEL 9 do not have. It needs that for one symbol that nothing in it uses. On those systems only, a copy of the
/// library in which that need is weak is kept in a cache folder and loaded instead of the original, which is never touched. TorchSharp
/// then finds it by its name among the libraries already loaded.
///
/// The environment variable CONDEMBED_LIBTORCH names a folder with another build of the same libtorch version, for instance one with CUDA.
module CondEmbed.Torch.Native

open CondEmbed
open TorchSharp
open CondEmbed.Common

/// What was done to load the native libraries; texts are empty if there is nothing to say.
type Status =
    {
        /// What is wrong and how to fix it; empty if torch can be used.
        Problem: string
        /// The version of the TorchSharp assembly.
        TorchSharp: string
        /// The version that libtorch reports; empty if it reports none.
        Libtorch: string
        /// The version of libtorch that this TorchSharp was made for.
        LibtorchWanted: string
        /// The folder that libtorch came from.
        Folder: string
        /// The file that was loaded as TorchSharp's native library.
        Loaded: string
        /// Whether that file is a patched copy.
        Patched: bool
        /// Why it was patched or left alone.
        Reason: string
        /// The folder for cached files; empty when the user has no home.
        Cache: string
        /// The devices that tensors can live on: "cpu", "cuda:0", ...
        Devices: string[]
        /// The threads that one operation is spread over.
        Threads: int
        /// The threads that independent operations are spread over.
        InterOpThreads: int
    }

let private outcome = lazy NativeLoad.loadAll ()

/// Whether the process belongs to the caller.
let mutable private isOwn = false

let private lateScalars = lazy NativeScalars.freeLate outcome.Value.Handle

let private loaded () =
    let found = outcome.Force()
    if isOwn then lateScalars.Force()
    found

/// Tunes the process for training. Call it first in the Main of a program, never in a library. The C library's allocator keeps its pages, libtorch's threads sleep
/// when they wait for work, and TorchSharp's scalars live until libtorch has read them. Variables set in the environment win. docs/gpu.md lists what it does.
let ownProcess () =
    isOwn <- true
    Process.settle ()
    if outcome.IsValueCreated then lateScalars.Force()

/// Makes torch's native libraries loadable, or raises an InputException that says what is missing, where it was looked for and how to fix it. Call it
/// before anything else of torch; it is cheap after the first call, and safe from several threads and processes at once.
let ensure () =
    loaded () |> ignore
    // TorchSharp's own loader finds what is loaded by now. It runs here rather than later in some type initialiser.
    torch.InitializeDeviceType DeviceType.CPU
    let demanded = ComputeThreads.Demanded
    if demanded > 0 && torch.get_num_threads () <> demanded then torch.set_num_threads demanded

/// Applies the number of threads from some settings (0 for one per core), or the number set for this process, to torch and to everything else that computes here.
let useThreads threads =
    ensure ()
    ComputeThreads.Choose threads
    if torch.get_num_threads () <> ComputeThreads.Count then torch.set_num_threads ComputeThreads.Count

/// The handle of TorchSharp's native library, for the runtime to ask when it cannot load it itself (an answer to
/// AssemblyLoadContext.ResolvingUnmanagedDll); 0 for any other library, or if `ensure` would fail.
let resolve (name: string) =
    if name = "LibTorchSharp" then
        try
            loaded().Handle
        with _ ->
            0n
    else
        0n

let private answering =
    lazy
        (let context =
            System.Reflection.Assembly.GetExecutingAssembly()
            |> System.Runtime.Loader.AssemblyLoadContext.GetLoadContext
            |> Option.ofObj
            |> Option.defaultValue System.Runtime.Loader.AssemblyLoadContext.Default

         context.add_ResolvingUnmanagedDll (System.Func<_, _, _>(fun _ name -> resolve name)))

/// Lets the runtime ask here when it cannot load TorchSharp's native library. Costs nothing until torch is used.
let answerRuntime () = answering.Force()

/// The names of the devices that tensors can live on here: "cpu", then "cuda:0", "cuda:1", ...
let devices () =
    ensure ()

    let cards = if torch.cuda_is_available () then torch.cuda.device_count () else 0

    Array.append [| "cpu" |] (Array.init cards (fun i -> $"cuda:{i}"))

/// The folder for this program's cached files; empty when the user has no home.
let cacheFolder () = defaultArg (NativeFiles.cacheRoot ()) ""

/// What was loaded from where and why. It does not throw if something is missing, but says so in `Problem`.
let status () : Status =
    let blank =
        { Problem = ""
          TorchSharp = typeof<torch>.Assembly.GetName().Version.ToString 3
          Libtorch = ""
          LibtorchWanted = NativeFiles.Wanted
          Folder = ""
          Loaded = ""
          Patched = false
          Reason = ""
          Cache = cacheFolder ()
          Devices = [||]
          Threads = 0
          InterOpThreads = 0 }

    try
        let found = loaded ()

        { blank with
            Libtorch = found.Version
            Folder = found.Folder
            Loaded = found.Loaded
            Patched = found.Patched
            Reason = found.Reason
            Devices = devices ()
            Threads = torch.get_num_threads ()
            InterOpThreads = torch.get_num_interop_threads () }
    with problem ->
        { blank with Problem = problem.GetBaseException().Message }
