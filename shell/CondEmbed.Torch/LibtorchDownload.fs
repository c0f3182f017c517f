namespace CondEmbed.Torch

open System
open System.ComponentModel
open System.Diagnostics
open System.IO
open System.Text.Json.Nodes
open System.Threading
open System.Threading.Tasks
open CondEmbed
open CondEmbed.Common

/// Fetches libtorch for the CPU for a program that came without it, such as the tool `condembed`: into this user's NuGet packages, where every program with
/// CondEmbed finds it (see `Native`). The .NET SDK downloads it from its own package sources.
[<AbstractClass; Sealed>]
type LibtorchDownload private () =
    static let project =
        $"""<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
  <ItemGroup><PackageDownload Include="{NativeFiles.libtorchPackage}" Version="[{NativeFiles.Wanted}]" /></ItemGroup>
</Project>
"""

    static let restore (file: string) (cancellation: CancellationToken) : Task =
        task {
            let dotnet =
                Environment.GetEnvironmentVariable "DOTNET_HOST_PATH"
                |> Option.ofObj
                |> Option.defaultValue "dotnet"

            use running =
                new Process(
                    StartInfo =
                        ProcessStartInfo(
                            dotnet,
                            [ "restore"; file; "--verbosity"; "minimal" ],
                            RedirectStandardOutput = true,
                            RedirectStandardError = true
                        )
                )

            try
                running.Start() |> ignore
            with :? Win32Exception as problem ->
                raise (InputException $"{dotnet} cannot be started ({problem.Message}); fetching libtorch needs the .NET SDK.")

            let output = running.StandardOutput.ReadToEndAsync cancellation
            let errors = running.StandardError.ReadToEndAsync cancellation

            try
                do! running.WaitForExitAsync cancellation
            with :? OperationCanceledException ->
                running.Kill(entireProcessTree = true)
                cancellation.ThrowIfCancellationRequested()

            if running.ExitCode <> 0 then
                let! output = output
                let! errors = errors

                raise (
                    InputException $"the .NET SDK could not restore {LibtorchDownload.Package}. It says:\n{output.Trim()}{errors.Trim()}"
                )
        }

    /// The folder of libtorch in the packages that a restore used; NuGet writes all of their folders down.
    static let restored (assets: string) =
        let packages = (JsonNode.Parse(File.ReadAllBytes assets)["packageFolders"]).AsObject()

        match NativeFiles.tryFolderOf NativeFiles.core [ for folder in packages -> NativeFiles.inPackages folder.Key ] with
        | Some folder -> folder
        | None -> raise (InputException $"{LibtorchDownload.Package} was restored, but there is no libtorch in it.")

    /// The package and its version, as in `libtorch-cpu-linux-x64 2.10.0`.
    static member Package = $"{NativeFiles.libtorchPackage} {NativeFiles.Wanted}"

    /// The folder that libtorch would be loaded from now; empty if there is none. InputException if CONDEMBED_LIBTORCH names a folder without libtorch.
    static member Folder =
        NativeFiles.chosen (Environment.GetEnvironmentVariable NativeFiles.Variable)
        |> Option.orElse (NativeFiles.tryFolderOf NativeFiles.core NativeFiles.folders)
        |> Option.defaultValue ""

    /// Restores the package (about 130 MB to download, 600 MB on disk) and returns the folder of libtorch in it. InputException if there is no such package for this
    /// system, no .NET SDK, or the SDK could not restore it; or if it is where no program would look, and the message says what to set.
    /// OperationCanceledException if it was stopped; NuGet may keep what it has fetched, but never half a package.
    static member FetchAsync(cancellation: CancellationToken) : Task<string> =
        task {
            if not NativeFiles.isPublished then
                raise (
                    InputException
                        $"There is no package with libtorch for this system; set {NativeFiles.Variable} to the folder of libtorch {NativeFiles.Wanted}."
                )

            let work = Directory.CreateTempSubdirectory "condembed-"

            try
                let file = Path.Combine(work.FullName, "libtorch.csproj")
                do! File.WriteAllTextAsync(file, project, cancellation)
                do! restore file cancellation
                let folder = restored (Path.Combine(work.FullName, "obj", "project.assets.json"))

                if LibtorchDownload.Folder = "" then
                    raise (
                        InputException
                            $"libtorch is now in '{folder}', where NuGet is configured to keep packages, but no program looks there by itself: set {NativeFiles.Variable} to that folder."
                    )

                return folder
            finally
                work.Delete true
        }
