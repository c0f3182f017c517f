namespace CondEmbed.Torch

open System
open System.ComponentModel
open System.Diagnostics
open System.IO
open System.Text.Json.Nodes
open System.Threading
open System.Threading.Tasks
open CondEmbed

/// Brings libtorch for the CPU to a program that came without it, as the tool `condembed` does: into the NuGet packages of this user, where every program with
/// CondEmbed finds it (see `Native`), by the .NET SDK and from its sources.
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
                raise (InputException $"{dotnet} cannot be started ({problem.Message}); fetching libtorch takes the .NET SDK.")

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

    /// The folder that libtorch would be loaded from now; empty when there is none. InputException: CONDEMBED_LIBTORCH names a folder without libtorch.
    static member Folder =
        NativeFiles.chosen (Environment.GetEnvironmentVariable NativeFiles.Variable)
        |> Option.orElse (NativeFiles.tryFolderOf NativeFiles.core NativeFiles.folders)
        |> Option.defaultValue ""

    /// Restores the package, some 130 MB to fetch and 600 MB on the disk, and gives the folder of libtorch in it. InputException: there is no such package for this
    /// system, no .NET SDK, or the SDK could not restore it; or it lies where a program would not look, and the message says what to set.
    /// OperationCanceledException: it was stopped; what was fetched by then is kept or not as NuGet likes, but never half a package.
    static member FetchAsync(cancellation: CancellationToken) : Task<string> =
        task {
            if not NativeFiles.isPublished then
                raise (
                    InputException
                        $"There is no package with libtorch for this system; let {NativeFiles.Variable} name the folder of libtorch {NativeFiles.Wanted}."
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
                            $"libtorch lies in '{folder}' now, where NuGet is told to keep packages, but no program looks there by itself: set {NativeFiles.Variable} to that folder."
                    )

                return folder
            finally
                work.Delete true
        }
