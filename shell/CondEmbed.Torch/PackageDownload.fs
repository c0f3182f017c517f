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

/// A NuGet package that a program fetches when it needs what is in it: the .NET SDK downloads it from its own package sources into this user's NuGet packages.
[<Sealed>]
type PackageDownload(name: string, version: string) =
    let project =
        $"""<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
  <ItemGroup><PackageDownload Include="{name}" Version="[{version}]" /></ItemGroup>
</Project>
"""

    /// The package's folder in the first of the caches that has it.
    let tryFolder caches =
        caches
        |> List.map (fun cache -> Path.Combine(cache, name.ToLowerInvariant(), version))
        |> List.tryFind Directory.Exists

    let restore (file: string) (cancellation: CancellationToken) : Task =
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
                raise (InputException $"{dotnet} cannot be started ({problem.Message}); fetching {name} needs the .NET SDK.")

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

                raise (InputException $"the .NET SDK could not restore {name} {version}. It says:\n{output.Trim()}{errors.Trim()}")
        }

    /// The package's folder, among those of the packages that a restore used; NuGet writes all of these down.
    let restored (assets: string) =
        let packages = (JsonNode.Parse(File.ReadAllBytes assets)["packageFolders"]).AsObject()

        match tryFolder [ for folder in packages -> folder.Key ] with
        | Some folder -> folder
        | None -> raise (InputException $"{name} {version} was restored, but it is in none of NuGet's folders.")

    /// The package's folder among this user's packages; empty if it is not there.
    member _.Folder = tryFolder NativeFiles.packageCaches |> Option.defaultValue ""

    /// Restores the package and returns its folder. InputException if there is no .NET SDK, or it could not restore the package.
    /// OperationCanceledException if it was stopped; NuGet may keep what it has fetched, but never half a package.
    member _.FetchAsync(cancellation: CancellationToken) : Task<string> =
        task {
            let work = Directory.CreateTempSubdirectory "condembed-"

            try
                let file = Path.Combine(work.FullName, "package.csproj")
                do! File.WriteAllTextAsync(file, project, cancellation)
                do! restore file cancellation
                return restored (Path.Combine(work.FullName, "obj", "project.assets.json"))
            finally
                work.Delete true
        }

    /// The package and its version, as in `libtorch-cpu-linux-x64 2.10.0`.
    override _.ToString() = $"{name} {version}"
