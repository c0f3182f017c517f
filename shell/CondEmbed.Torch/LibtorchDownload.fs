namespace CondEmbed.Torch

open System
open System.IO
open System.Runtime.InteropServices
open System.Threading
open System.Threading.Tasks
open CondEmbed
open CondEmbed.Common

/// Fetches libtorch for the CPU for a program that came without it, such as the tool `condembed`: into this user's NuGet packages, where every program with
/// CondEmbed finds it (see `Native`). The .NET SDK downloads it from its own package sources.
[<AbstractClass; Sealed>]
type LibtorchDownload private () =
    static let package = PackageDownload(NativeFiles.libtorchPackage, NativeFiles.Wanted, defaultArg NativeFiles.libtorchSum "")

    /// The package and its version, as in `libtorch-cpu-linux-x64 2.10.0`.
    static member Package = string package

    /// The folder that libtorch would be loaded from now; empty if there is none. InputException if CONDEMBED_LIBTORCH names a folder without libtorch.
    static member Folder =
        NativeFiles.chosen (Environment.GetEnvironmentVariable NativeFiles.Variable)
        |> Option.orElse (NativeFiles.tryFolderOf NativeFiles.core NativeFiles.folders)
        |> Option.defaultValue ""

    /// Restores the package (about 130 MB to download, 600 MB on disk) and returns the folder of libtorch in it. InputException if there is no such package for this
    /// system, no .NET SDK, or the SDK could not restore it; or if it is where no program would look, and the message says what to set.
    /// OperationCanceledException if it was stopped; NuGet may keep what it has fetched, but never half a package.
    static member FetchAsync([<Optional>] cancellationToken: CancellationToken) : Task<string> =
        task {
            if NativeFiles.libtorchSum.IsNone then
                raise (
                    InputException
                        $"There is no package with libtorch for this system; set {NativeFiles.Variable} to the folder of libtorch {NativeFiles.Wanted}."
                )

            let! restored = package.FetchAsync cancellationToken
            let folder = NativeFiles.native restored

            if not (File.Exists(Path.Combine(folder, NativeFiles.core))) then
                raise (InputException $"{package} was restored, but there is no libtorch in it.")

            if LibtorchDownload.Folder = "" then
                raise (
                    InputException
                        $"libtorch is now in '{folder}', where NuGet is configured to keep packages, but no program looks there by itself: set {NativeFiles.Variable} to that folder."
                )

            return folder
        }
