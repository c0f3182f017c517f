/// Makes libtorch loadable before torch is first called, and says clearly what is missing.
///
/// Most systems need no help. TorchSharp's own library, however, asks for version GLIBCXX_3.4.32 of libstdc++ (GCC 13), which Debian 12,
/// Ubuntu 22.04 and RHEL 9 do not have. It asks for the sake of one symbol that nothing in it uses. There, and only there, a copy of the
/// library in which that one wish is weak is kept in a cache folder and loaded in place of the original, which is never touched. TorchSharp
/// then finds it by its name among the libraries already loaded.
///
/// The environment variable CONDEMBED_LIBTORCH names a folder with another libtorch of the same version, for instance one with CUDA.
module CondEmbed.Native

open TorchSharp

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

let private outcome =
    lazy
        (let loaded = NativeLoad.loadAll ()
         NativeScalars.freeLate loaded.Handle
         loaded)

/// Makes torch's native libraries loadable, or says by an InputException what is missing, where it was looked for and how to mend it. To be
/// called before anything else of torch; cheap after the first call, and safe from several threads and processes at once.
let ensure () =
    outcome.Force() |> ignore
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
            outcome.Force().Handle
        with _ ->
            0n
    else
        0n

/// The names of the devices that tensors can live on here: "cpu", then "cuda:0", "cuda:1", ...
let devices () =
    ensure ()

    let cards = if torch.cuda_is_available () then torch.cuda.device_count () else 0

    Array.append [| "cpu" |] (Array.init cards (fun i -> $"cuda:{i}"))

/// The NuGet package with libtorch for the CPU of this system; empty where TorchSharp's authors publish none.
let libtorchPackage = if NativeFiles.isPublished then NativeFiles.libtorchPackage else ""

/// The version of libtorch that this TorchSharp was made for.
let libtorchVersion = NativeFiles.Wanted

/// The folder that libtorch would be loaded from now; empty when it is in none of those known. An InputException when CONDEMBED_LIBTORCH
/// names a folder without it.
let libtorchFolder () =
    NativeFiles.chosen (System.Environment.GetEnvironmentVariable NativeFiles.Variable)
    |> Option.orElse (NativeFiles.tryFolderOf NativeFiles.core NativeFiles.folders)
    |> Option.defaultValue ""

/// The folder of libtorch below a folder of NuGet packages; empty when it is not there.
let libtorchIn packages =
    NativeFiles.tryFolderOf NativeFiles.core [ NativeFiles.inPackages packages ]
    |> Option.defaultValue ""

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
        let found = outcome.Force()

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
