/// Makes libtorch loadable before torch is first called, and says clearly what is missing.
///
/// Most systems need no help. TorchSharp's own library, however, asks for version GLIBCXX_3.4.32 of libstdc++ (GCC 13), which Debian 12,
/// Ubuntu 22.04 and RHEL 9 do not have. It asks for the sake of one symbol that nothing in it uses. There, and only there, a copy of the
/// library in which that one wish is weak is kept in a cache folder and loaded in place of the original, which is never touched. TorchSharp
/// then finds it by its name among the libraries already loaded.
///
/// The environment variable CONDEMBED_LIBTORCH names a folder with another libtorch of the same version, for instance one with CUDA.
module CondEmbed.Torch.Native

open CondEmbed
open TorchSharp
open CondEmbed.Common

/// What was done to load the native libraries; texts are empty where there is nothing to say.
type Status =
    {
        /// What is wrong and how to mend it; empty when torch can be used.
        Problem: string
        /// The version of the TorchSharp assembly.
        TorchSharp: string
        /// The version of libtorch as it says itself; empty when it does not.
        Libtorch: string
        /// The version of libtorch that this TorchSharp was made for.
        LibtorchWanted: string
        /// The folder that libtorch came from.
        Folder: string
        /// The file that was loaded as TorchSharp's native library.
        Loaded: string
        /// Whether that file is a mended copy.
        Patched: bool
        /// Why it was mended or left alone.
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

/// Whether the process is the caller's own.
let mutable private isOwn = false

let private lateScalars = lazy NativeScalars.freeLate outcome.Value.Handle

let private loaded () =
    let found = outcome.Force()
    if isOwn then lateScalars.Force()
    found

/// For a program whose process is its own, first in its Main: changes the process for training. The C library's allocator keeps its pages, the threads of libtorch sleep
/// when they wait for work, and TorchSharp's scalars live until libtorch has read them. What the user's environment sets of this wins. docs/gpu.md lists what it does.
/// A library leaves this to the program that it is part of.
let ownProcess () =
    isOwn <- true
    Process.settle ()
    if outcome.IsValueCreated then lateScalars.Force()

/// Makes torch's native libraries loadable, or says by an InputException what is missing, where it was looked for and how to mend it. To be
/// called before anything else of torch; cheap after the first call, and safe from several threads and processes at once.
let ensure () =
    loaded () |> ignore
    // TorchSharp's own loader finds what is loaded by now. It runs here rather than later in somebody's type initialiser.
    torch.InitializeDeviceType DeviceType.CPU
    let demanded = ComputeThreads.Demanded
    if demanded > 0 && torch.get_num_threads () <> demanded then torch.set_num_threads demanded

/// Takes up the number of threads of some settings (0 for one a core), or what was demanded for this process: for torch and for all else that computes here.
let useThreads threads =
    ensure ()
    ComputeThreads.Choose threads
    if torch.get_num_threads () <> ComputeThreads.Count then torch.set_num_threads ComputeThreads.Count

/// The handle of TorchSharp's native library, for the runtime to ask when it cannot load it itself (an answer to
/// AssemblyLoadContext.ResolvingUnmanagedDll); 0 for any other library, and when `ensure` would fail.
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

/// What was loaded from where and why; never throws because of what is missing, but says it in `Problem`.
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
          Cache = defaultArg (NativeFiles.cacheRoot ()) ""
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
