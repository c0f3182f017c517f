/// The packages as 'dotnet pack' makes them, and programs elsewhere that use them.
module CondEmbed.Tests.PackageSupport

open System
open System.Diagnostics
open System.IO
open System.IO.Compression
open System.Xml.Linq
open Expecto
open CondEmbed.Tests.Support

/// A folder that lasts as long as the test program.
let private kept = lazy Directory.CreateTempSubdirectory("condembed-packages-").FullName

AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> if kept.IsValueCreated then Directory.Delete(kept.Value, true))

/// A new folder below it.
let folder name = Directory.CreateDirectory(Path.Combine(kept.Value, name)).FullName

/// Runs a program in a folder; nothing that it starts outlives it to wait for more work.
let private outcome program (home: string) (variables: (string * string) list) (arguments: string list) =
    let start =
        ProcessStartInfo(program, arguments, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = home)

    for name, value in [ "MSBUILDDISABLENODEREUSE", "1"; "UseSharedCompilation", "false" ] @ variables do
        start.Environment[name] <- value

    use running = Process.Start start |> nonNull
    let errors = running.StandardError.ReadToEndAsync()
    let output = running.StandardOutput.ReadToEnd()
    running.WaitForExit()
    running.ExitCode, output + errors.Result

/// Runs a program, which must succeed, and gives all that it printed.
let succeedsIn home variables program arguments =
    let code, said = outcome program home variables arguments
    let line = String.concat " " (program :: arguments)
    Expect.equal code 0 $"{line}\n{said}"
    said

/// Runs a program, which must fail with that exit code, and gives all that it printed.
let failsIn home variables program arguments (expected: int) =
    let code, said = outcome program home variables arguments
    Expect.equal code expected said
    said

/// The folder that holds every package. What the tests run on is packed as it was built, never built again: their own assemblies are links to it. Only the
/// program as a tool is built here, in a folder of its own.
let feed =
    lazy
        (let feed = folder "feed"
         let dotnet arguments = succeedsIn (repositoryRoot ()) [] "dotnet" arguments

         dotnet [ "build"; "-c"; "Release"; "-p:_IsPacking=true"; "-p:BuildProjectReferences=false"; "shell/CondEmbed.Cli" ]
         |> ignore

         let said = dotnet [ "pack"; "-c"; "Release"; "--no-build"; "-o"; feed; "CondEmbed.sln" ]

         // Where Paket has not restored before, it gives its version.
         let isNoise (line: string) = line.Contains "warning" || line.Contains "Paket" && not (line.Trim().StartsWith "Paket version ")

         Expect.isEmpty (said.Split '\n' |> Array.filter isNoise) "packing has nothing to say but the packages"
         feed)

let private fileOf id =
    Directory.GetFiles(feed.Value, $"{id}.*.nupkg")
    |> Array.tryFind (fun file -> Char.IsDigit((string (Path.GetFileName file))[String.length id + 1]))
    |> fun found -> Expect.wantSome found $"the package {id}"

/// Every file in a package and its bytes.
let contents id =
    use archive = ZipFile.OpenRead(fileOf id)

    [ for entry in archive.Entries do
          use stream = entry.Open()
          use bytes = new MemoryStream()
          stream.CopyTo bytes
          entry.FullName, bytes.ToArray() ]

/// What a package says of itself.
let nuspec id =
    use archive = ZipFile.OpenRead(fileOf id)
    use stream = (archive.Entries |> Seq.find (fun entry -> entry.FullName = $"{id}.nuspec")).Open()
    XDocument.Load(stream).Descendants()

let private valueOf (name: string) (elements: XElement seq) = elements |> Seq.find (fun element -> element.Name.LocalName = name) |> _.Value

/// A single value of it, such as version.
let saying name id = nuspec id |> valueOf name

/// Its dependencies and their version ranges.
let dependencies id =
    Map
        [ for element in nuspec id do
              if element.Name.LocalName = "dependency" then
                  let attribute (name: string) = (nonNull (element.Attribute(XName.Get name))).Value
                  attribute "id", attribute "version" ]

/// The version of every package.
let version = lazy saying "version" "CondEmbed"

/// Where NuGet keeps the packages of others that this machine has.
let others =
    match Environment.GetEnvironmentVariable "NUGET_PACKAGES" with
    | null
    | "" -> Path.Combine(Environment.GetFolderPath Environment.SpecialFolder.UserProfile, ".nuget", "packages")
    | path -> path

/// For programs that use the packages: ours lie in a folder of their own, so that none of an earlier build is taken; those of others are not unpacked again.
let consumer =
    lazy
        [ "NUGET_PACKAGES", folder "cache"
          "RestoreFallbackFolders", others
          "RestoreAdditionalProjectSources", feed.Value ]

/// What `dotnet run` builds of a file, half a gigabyte with libtorch, goes into that folder and not into the user's.
let aside (home: string) = "XDG_DATA_HOME", home

/// The file of a package that lies in this machine's cache, if it does.
let cached (id: string) version =
    let file = Path.Combine(others, id, version, $"{id}.{version}.nupkg")
    if File.Exists file then Some file else None
