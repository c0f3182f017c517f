/// Loads libtorch and TorchSharp's own library into the process, in the order in which they need each other.
module internal CondEmbed.Torch.NativeLoad

open System
open System.IO
open System.Runtime.InteropServices
open CondEmbed
open TorchSharp
open CondEmbed.Common

/// What was loaded, from where and why.
type Outcome =
    {
        /// The handle of TorchSharp's library.
        Handle: nativeint
        /// The folder of libtorch.
        Folder: string
        /// The version that libtorch reports; empty if it reports none.
        Version: string
        /// The file of TorchSharp's library.
        Loaded: string
        Patched: bool
        Reason: string
    }

/// Loads a file into the process: its handle, or the system's error message.
type Loader = string -> Result<nativeint, string>

[<Literal>]
let private MissingVersion = "GLIBCXX_3.4.32"

[<Literal>]
let private UnusedSymbol = "_ZSt21ios_base_library_initv"

let private stop (message: string) = raise (InputException message)

/// The dynamic linker of the system.
let system: Loader =
    fun path ->
        try
            Ok(NativeLibrary.Load path)
        with
        | :? DllNotFoundException
        | :? BadImageFormatException as problem -> Error problem.Message

/// Stores the copy under the folder and loads it from there.
let private loadFrom root (load: Loader) original copy =
    let path = NativeFiles.cachePath root original
    NativeFiles.keep path copy
    load path |> Result.map (fun handle -> path, handle)

/// For when files in the cache cannot be written or executed. The folder is removed at once; the system keeps the loaded file alive.
let private loadFromTemporary load original copy =
    let folder = Directory.CreateTempSubdirectory "condembed-"

    try
        loadFrom folder.FullName load original copy
    finally
        folder.Delete true

let private loadCopy (cache: string option) (load: Loader) original copy =
    let attempt from =
        try
            from load original copy
        with
        | :? IOException
        | :? UnauthorizedAccessException as problem -> Error(problem.Message.TrimEnd '.')

    match cache |> Option.map (loadFrom >> attempt) with
    | Some(Ok loaded) -> Ok loaded
    | cached ->
        match attempt loadFromTemporary, cached with
        | Error now, Some(Error before) when now <> before -> Error $"{before}; {now}"
        | result, _ -> result

let private newerSystem =
    "Install a libstdc++ of GCC 13 or newer (Debian 13, Ubuntu 24.04, RHEL 10), or use TorchSharp 0.107.0."

/// The copy and its handle, or the problem and its remedy.
let private loadWeakened cache load path =
    let original = File.ReadAllBytes path

    match Elf.weaken "libstdc++.so.6" MissingVersion UnusedSymbol original with
    | Error problem -> Error $"It cannot be patched: {problem}. {newerSystem}"
    | Ok copy ->
        loadCopy cache load original copy
        |> Result.mapError (fun problem ->
            $"A patched copy would work, but there is no place for it: {problem}. Set XDG_CACHE_HOME or TMPDIR to a folder that this user can write to \
              and load programs from.")

/// Loads TorchSharp's library: the original if that works, which only the dynamic linker knows, because only it knows which libstdc++ it
/// uses. It fails before anything in the library runs, so a second try, with a patched copy in the cache folder, is safe.
let loadBinding (cache: string option) (load: Loader) path =
    match load path with
    | Ok handle -> handle, path, "it loads unchanged"
    | Error said when OperatingSystem.IsLinux() && said.Contains MissingVersion ->
        match loadWeakened cache load path with
        | Ok(copy, handle) -> handle, copy, $"the system's libstdc++ has no {MissingVersion}, which the original names but does not use"
        | Error problem -> stop $"{path} needs {MissingVersion} of libstdc++, which this system does not have. {problem}"
    | Error said -> stop $"{path} cannot be loaded with libtorch {NativeFiles.Wanted}. The system says: {said}"

[<UnmanagedFunctionPointer(CallingConvention.Cdecl)>]
type private VersionFunction = delegate of unit -> uint64

/// The version that a loaded torch_cpu reports; it does so since 2.9, one byte per part, the highest first (torch/version.h).
let private tryVersion handle =
    match NativeLibrary.TryGetExport(handle, "aoti_torch_abi_version") with
    | true, address ->
        let version = Marshal.GetDelegateForFunctionPointer<VersionFunction>(address).Invoke()

        let part index = (version >>> (56 - 8 * index)) &&& 0xffUL

        Some $"{part 0}.{part 1}.{part 2}"
    | _ -> None

/// Loads the libraries of libtorch in the folder, and returns its version.
let private loadLibtorch (load: Loader) folder =
    let handles =
        [ for file in NativeFiles.libtorch do
              let path = Path.Combine(folder, file)

              if File.Exists path then
                  match load path with
                  | Ok handle -> file, handle
                  | Error said -> stop $"{path} cannot be loaded. The system says: {said}" ]

    handles
    |> List.tryFind (fun (file, _) -> file = NativeFiles.core)
    |> Option.bind (snd >> tryVersion)

/// InputException if the libtorch that the user named has another version; other patch releases fit.
let checkVersion folder version =
    let release (text: string) = text.Substring(0, text.LastIndexOf '.')

    if Option.map release version <> Some(release NativeFiles.Wanted) then
        let found = defaultArg version "of a version before 2.9"

        stop
            $"{NativeFiles.Variable} names libtorch {found} in '{folder}', but TorchSharp needs {NativeFiles.Wanted}. \
              Name a folder with that version, or unset the variable."

/// How to get libtorch, for each way of using this library.
let private remedies =
    let package = NativeFiles.libtorchPackage

    [ if NativeFiles.libtorchSum.IsSome then
          "To get it:"
          "  the program condembed      condembed doctor --get"
          $"  a project                  dotnet add package {package} --version {NativeFiles.Wanted}"
          $"  F# Interactive             #r \"nuget: {package}, {NativeFiles.Wanted}\""
      else
          $"There is no package with it for {NativeFiles.rid}."
      $"  one that you have          set {NativeFiles.Variable} to the folder of libtorch {NativeFiles.Wanted}" ]

let private missing file (remedies: string list) =
    let places = NativeFiles.folders |> List.map (fun folder -> "  " + folder)

    stop (String.Join('\n', [ $"The native library {file} is missing. It was looked for in"; yield! places; yield! remedies ]))

/// Loads everything from the known places; if it is in none of them, the system's own search may still find it. Calls nothing of
/// torch, because torch's type initialiser may be waiting for this on another thread.
let loadAll () =
    let chosen = NativeFiles.chosen (Environment.GetEnvironmentVariable NativeFiles.Variable)

    let libtorch = chosen |> Option.orElse (NativeFiles.tryFolderOf NativeFiles.core NativeFiles.folders)

    let binding = NativeFiles.tryFolderOf NativeFiles.binding (NativeFiles.folders @ Option.toList chosen)

    let byName = lazy NativeLibrary.TryLoad("LibTorchSharp", typeof<torch>.Assembly, Nullable())

    match libtorch, binding with
    | Some folder, Some home ->
        let version = loadLibtorch system folder

        if chosen.IsSome then checkVersion folder version

        let original = Path.Combine(home, NativeFiles.binding)
        let handle, loaded, reason = loadBinding (NativeFiles.cacheRoot ()) system original

        { Handle = handle
          Folder = folder
          Version = defaultArg version ""
          Loaded = loaded
          Patched = loaded <> original
          Reason = reason }
    | _ when fst byName.Value ->
        let reason = "the system found it by its name"

        { Handle = snd byName.Value
          Folder = ""
          Version = ""
          Loaded = NativeFiles.binding
          Patched = false
          Reason = reason }
    | None, _ -> missing NativeFiles.core remedies
    | _, None ->
        missing NativeFiles.binding [ $"It comes with the package TorchSharp 0.107.0; build the program for {NativeFiles.rid} again." ]
