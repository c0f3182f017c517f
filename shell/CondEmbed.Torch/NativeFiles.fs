/// Where torch's native libraries may be, what they are called on this system, and where a patched copy is kept.
module internal CondEmbed.Torch.NativeFiles

open System
open System.IO
open System.Runtime.InteropServices
open System.Security.Cryptography
open CondEmbed
open TorchSharp
open CondEmbed.Common

/// The environment variable that names a folder with another build of the same libtorch version, for instance one with CUDA.
[<Literal>]
let Variable = "CONDEMBED_LIBTORCH"

/// The version of libtorch that TorchSharp was made for. Written here, because asking TorchSharp would load it.
[<Literal>]
let Wanted = "2.10.0"

let private system =
    if OperatingSystem.IsWindows() then "win"
    elif OperatingSystem.IsMacOS() then "osx"
    else "linux"

/// The runtime identifier under which packages keep native files, such as linux-x64.
let rid =
    let architecture = string RuntimeInformation.ProcessArchitecture
    $"{system}-{architecture.ToLowerInvariant()}"

/// The package with libtorch for the CPU of this system.
let libtorchPackage = $"libtorch-cpu-{rid}"

/// The SHA-512 sum of that package; none if TorchSharp's authors publish none for this system.
let libtorchSum =
    Map.tryFind
        rid
        (Map
            [ "linux-x64", "XjuaFwqqvwstyeUWyz/xtfhODesmagoPKO7T0VRmiW+r0pJwsXB/vHydA7it9xge36PSXW1qLyRRzvM3J8i9UA=="
              "osx-arm64", "njbW4NbjnO3UYsZymJA5EA8kvFQZveW2rVS07QinYOxxgs6hyZFTI82zBDt0ix1yRRCZ+v+fm+pHXG37WKjyhA=="
              "win-arm64", "7NCaiSTge6axhCnH5Im+1ZNSkiuA+zuYe6ZPYph9MmXS4QozEEHUcualKvMVlygxhaZOR6N3nCYqm3Ibxq5+JA=="
              "win-x64", "qvrEe8b8U1SPnsqShWgJ9gE/UfzFiq+QRPJdAegxwtEBgL/jZPQPvKAhqYkpEe5kb6AXCi840KDqvDaHQuAqEA==" ])

/// What this system calls the library `name`: libname.so, libname.dylib or name.dll.
let fileName name =
    match system with
    | "win" -> name + ".dll"
    | "osx" -> $"lib{name}.dylib"
    | _ -> $"lib{name}.so"

/// TorchSharp's own native library: the one that all of TorchSharp's functions live in.
let binding = fileName "LibTorchSharp"

/// The libraries of libtorch, each after those that it needs; those of CUDA exist in some builds only.
let libtorch = [ "c10"; "torch_cpu"; "c10_cuda"; "torch_cuda"; "torch" ] |> List.map fileName

/// The library that every folder of libtorch contains.
let core = fileName "torch_cpu"

/// The folder of TorchSharp.dll, or the application's folder if assemblies have no file.
let private managedFolder =
    match typeof<torch>.Assembly.Location with
    | "" -> AppContext.BaseDirectory
    | location -> string (Path.GetDirectoryName location)

/// Where a package keeps native files for this system.
let native package = Path.Combine(package, "runtimes", rid, "native")

/// In a package folder (F# Interactive with `#r "nuget:"`), TorchSharp.dll lies in torchsharp/VERSION/lib/FRAMEWORK, and libtorch in
/// packages of its own beside torchsharp.
let private packageFolders =
    let above levels = Path.GetFullPath(Path.Combine(Array.append [| managedFolder |] (Array.replicate levels "..")))

    if Path.GetFileName(above 1) = "lib" then
        [ native (above 2); native (Path.Combine(above 4, libtorchPackage, Wanted)) ]
    else
        []

/// The folders where NuGet keeps a user's packages: where `condembed doctor --get` and any project that was built with libtorch have left it.
let packageCaches =
    [ Environment.GetEnvironmentVariable "NUGET_PACKAGES"
      Path.Combine(Environment.GetFolderPath Environment.SpecialFolder.UserProfile, ".nuget", "packages") ]
    // If a user has no home, the second is relative, and libraries are never looked for under the current folder.
    |> List.filter (fun folder -> not (String.IsNullOrEmpty folder) && Path.IsPathFullyQualified folder)

/// The folder of libtorch for the CPU below a folder of packages.
let inPackages (cache: string) = native (Path.Combine(cache, libtorchPackage, Wanted))

/// The folders to look in, in the runtime's own order, each once; they need not exist.
let folders =
    let given =
        match AppContext.GetData "NATIVE_DLL_SEARCH_DIRECTORIES" with
        | :? string as list -> list.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        | _ -> [||]

    [ yield! given
      AppContext.BaseDirectory
      managedFolder
      Path.Combine(managedFolder, "runtimes", rid, "native")
      Path.Combine(AppContext.BaseDirectory, "runtimes", rid, "native")
      yield! packageFolders
      yield! List.map inPackages packageCaches ]
    |> List.map (fun folder -> Path.TrimEndingDirectorySeparator(Path.GetFullPath folder))
    |> List.distinct

/// The first of the folders that holds the file.
let tryFolderOf file folders = folders |> List.tryFind (fun folder -> File.Exists(Path.Combine(folder, file)))

/// The folder of libtorch that CONDEMBED_LIBTORCH names, if any; InputException if libtorch is not in it.
let chosen (variable: string) =
    if String.IsNullOrWhiteSpace variable then
        None
    elif File.Exists(Path.Combine(variable, core)) then
        Some(Path.GetFullPath variable)
    else
        raise (
            InputException
                $"{Variable} names '{variable}', but there is no {core} in it. Name the folder that holds {core} \
                  (in a Python installation it is torch/lib), or unset the variable."
        )

/// The folder for this program's cached files: $XDG_CACHE_HOME/condembed or ~/.cache/condembed; none without a home.
let cacheRoot () =
    let given = Environment.GetEnvironmentVariable "XDG_CACHE_HOME"

    if not (String.IsNullOrEmpty given) && Path.IsPathRooted given then
        Some(Path.Combine(given, "condembed"))
    else
        match Environment.GetFolderPath Environment.SpecialFolder.UserProfile with
        | "" -> None
        | home -> Some(Path.Combine(home, ".cache", "condembed"))

/// The place of the patched copy of a library with the given content, under a cache folder.
let cachePath (root: string) (original: byte[]) =
    let hash = Convert.ToHexStringLower(SHA256.HashData original).Substring(0, 16)
    Path.Combine(root, hash, binding)

/// Makes sure that the file, contains exactly these bytes, and that no other user can change it: it is about to be loaded as code.
/// Several processes may do so at once, and none ever sees half a file: each writes a file of its own and renames it. IOException if its
/// folder, or the one above, is another user's.
let keep (path: string) (content: byte[]) =
    let folder = string (Path.GetDirectoryName path)
    OwnFiles.claim (string (Path.GetDirectoryName folder))
    OwnFiles.claim folder

    if not (OwnFiles.isOwnFile path && File.ReadAllBytes(path).AsSpan().SequenceEqual content) then
        let fresh = $"{path}.{Guid.NewGuid():N}"

        try
            using (new FileStream(fresh, FileMode.CreateNew, FileAccess.Write)) (fun stream ->
                stream.Write(content, 0, content.Length)
                stream.Flush true)

            File.Move(fresh, path, true)
        finally
            File.Delete fresh
