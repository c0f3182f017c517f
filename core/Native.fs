/// Makes libtorch loadable before torch is first called, and says clearly what is missing.
///
/// Most systems need no help. TorchSharp's own library, however, asks for version GLIBCXX_3.4.32 of libstdc++ (GCC 13), which Debian 12,
/// Ubuntu 22.04 and RHEL 9 do not have. It asks for the sake of one symbol that nothing in it uses. There, and only there, a copy of the
/// library in which that one wish is weak is kept in a cache folder and loaded in place of the original, which is never touched. TorchSharp
/// then finds it by its name among the libraries already loaded.
module CondEmbed.Native

open System
open System.IO
open System.Runtime.InteropServices
open TorchSharp

/// What was done to load the native libraries; texts are empty where there is nothing to say.
type Status =
    {
        /// What is wrong and how to mend it; empty when torch can be used.
        Problem: string
        /// The version of the TorchSharp assembly.
        TorchSharp: string
        /// The version of libtorch that TorchSharp was made for.
        Libtorch: string
        /// The folder that libtorch came from.
        Folder: string
        /// The file that was loaded as TorchSharp's native library.
        Loaded: string
        /// Whether that file is a mended copy.
        Patched: bool
        /// Why it was mended or left alone, in a sentence.
        Reason: string
        /// The devices that tensors can live on: "cpu", "cuda:0", ...
        Devices: string[]
        /// The threads that one operation is spread over.
        Threads: int
        /// The threads that independent operations are spread over.
        InterOpThreads: int
    }

/// What `ensure` found and did.
type private Outcome =
    {
        Handle: nativeint
        Folder: string
        Loaded: string
        Patched: bool
        Reason: string
    }

[<Literal>]
let private MissingVersion = "GLIBCXX_3.4.32"

[<Literal>]
let private UnusedSymbol = "_ZSt21ios_base_library_initv"

let private tryLoad path =
    try
        Ok(NativeLibrary.Load path)
    with
    | :? DllNotFoundException
    | :? BadImageFormatException as problem -> Error problem.Message

let private stop (message: string) = raise (InputException message)

/// Keeps the copy below the folder and loads it from there.
let private loadFrom root original copy =
    let path = NativeFiles.cachePath root original
    NativeFiles.keep path copy
    tryLoad path |> Result.map (fun handle -> path, handle)

/// For where the cache cannot be written or executed. The folder goes away at once; the system keeps the loaded file alive.
let private loadFromTemporary original copy =
    let folder = Directory.CreateTempSubdirectory "condembed-"

    try
        loadFrom folder.FullName original copy
    finally
        folder.Delete true

let private loadCopy original copy =
    let attempt load =
        try
            load original copy
        with
        | :? IOException
        | :? UnauthorizedAccessException as problem -> Error problem.Message

    match NativeFiles.cacheRoot () |> Option.map (loadFrom >> attempt) with
    | Some(Ok loaded) -> Ok loaded
    | cached ->
        match attempt loadFromTemporary, cached with
        | Error now, Some(Error before) when now <> before -> Error $"{before}; {now}"
        | result, _ -> result

let private loadWeakened path libtorchFolder =
    let original = File.ReadAllBytes path

    let copied =
        Elf.weaken "libstdc++.so.6" MissingVersion UnusedSymbol original |> Result.bind (loadCopy original)

    match copied with
    | Ok(copy, handle) ->
        {
            Handle = handle
            Folder = libtorchFolder
            Loaded = copy
            Patched = true
            Reason = $"the system's libstdc++ has no {MissingVersion}, which the original asks for without using it"
        }
    | Error problem ->
        stop
            $"{path} needs {MissingVersion} of libstdc++, which this system does not have, and cannot be helped: {problem}. \
              Install a libstdc++ of GCC 13 or newer (Debian 13, Ubuntu 24.04, RHEL 10), or use TorchSharp 0.107.0."

/// Tries the file as it is first: the dynamic linker alone knows which libstdc++ it will take. Its answer comes before anything of the
/// library runs, so a second try is safe.
let private loadBinding path libtorchFolder =
    match tryLoad path with
    | Ok handle ->
        {
            Handle = handle
            Folder = libtorchFolder
            Loaded = path
            Patched = false
            Reason = "it loads as it is"
        }
    | Error message when OperatingSystem.IsLinux() && message.Contains MissingVersion -> loadWeakened path libtorchFolder
    | Error message ->
        stop
            $"{path} cannot be loaded with the libtorch in {libtorchFolder}, which has to be version {NativeFiles.Wanted}. \
              The system says: {message}"

let private loadLibtorch folder =
    for file in NativeFiles.libtorch do
        let path = Path.Combine(folder, file)

        if File.Exists path then
            match tryLoad path with
            | Ok _ -> ()
            | Error message -> stop $"{path} cannot be loaded. The system says: {message}"

let private checkVersion folder =
    match NativeFiles.tryVersion folder with
    | Some version when version <> NativeFiles.Wanted ->
        stop
            $"{NativeFiles.Variable} names libtorch {version} in '{folder}', but TorchSharp needs {NativeFiles.Wanted}. \
              Name a folder with that version, or unset the variable."
    | _ -> ()

let private missing file =
    let places =
        NativeFiles.folders |> List.map (fun folder -> "  " + folder) |> String.concat "\n"

    stop
        $"The native library {file} is missing; it was looked for in\n{places}\n\
          Reference the package TorchSharp-cpu 0.107.0 (or TorchSharp-cuda-linux, TorchSharp-cuda-windows) from the program itself and \
          build it for {NativeFiles.rid}, or let {NativeFiles.Variable} name a folder with libtorch {NativeFiles.Wanted}."

/// Loads the native libraries from the places known to hold them; where they are in none, the system's own search may still find them.
let private load () =
    let chosen = NativeFiles.chosen ()
    chosen |> Option.iter checkVersion

    let libtorch =
        chosen |> Option.orElse (NativeFiles.tryFolderOf NativeFiles.core NativeFiles.folders)

    let binding =
        NativeFiles.tryFolderOf NativeFiles.binding (Option.toList chosen @ NativeFiles.folders)

    let byName =
        lazy NativeLibrary.TryLoad("LibTorchSharp", typeof<torch>.Assembly, Nullable())

    match libtorch, binding with
    | Some folder, Some home ->
        loadLibtorch folder
        loadBinding (Path.Combine(home, NativeFiles.binding)) folder
    | _ when fst byName.Value ->
        {
            Handle = snd byName.Value
            Folder = ""
            Loaded = NativeFiles.binding
            Patched = false
            Reason = "the system found it by its name"
        }
    | None, _ -> missing NativeFiles.core
    | _, None -> missing NativeFiles.binding

/// Calls nothing of torch, whose type initialiser may be waiting for it on another thread (see `resolve`).
let private outcome = lazy (load ())

/// Makes torch's native libraries loadable, or says by an InputException what is missing, where it was looked for and how to mend it. To be
/// called before anything else of torch; cheap after the first call, and safe from several threads and processes at once.
let ensure () =
    outcome.Force() |> ignore
    // TorchSharp's own loader finds what is loaded by now. It runs here rather than later in somebody's type initialiser.
    torch.InitializeDeviceType DeviceType.CPU

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

    let cards =
        if torch.cuda_is_available () then
            torch.cuda.device_count ()
        else
            0

    [|
        yield "cpu"
        for i in 0 .. cards - 1 do
            yield $"cuda:{i}"
    |]

/// What was loaded from where and why; never throws because of what is missing, but says it in `Problem`.
let status () : Status =
    let blank =
        {
            Problem = ""
            TorchSharp = typeof<torch>.Assembly.GetName().Version.ToString 3
            Libtorch = NativeFiles.Wanted
            Folder = ""
            Loaded = ""
            Patched = false
            Reason = ""
            Devices = [||]
            Threads = 0
            InterOpThreads = 0
        }

    try
        let found = outcome.Force()

        { blank with
            Folder = found.Folder
            Loaded = found.Loaded
            Patched = found.Patched
            Reason = found.Reason
            Devices = devices ()
            Threads = torch.get_num_threads ()
            InterOpThreads = torch.get_num_interop_threads ()
        }
    with problem ->
        { blank with Problem = problem.Message }
