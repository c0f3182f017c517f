/// The packages: what is in them, and that a program, a script and a tool made of nothing else work.
module CondEmbed.Tests.PackageTests

open System
open System.Collections.Immutable
open System.IO
open System.Reflection.Metadata
open System.Reflection.PortableExecutable
open System.Text
open System.Text.RegularExpressions
open Expecto
open CondEmbed
open CondEmbed.Torch
open CondEmbed.Tests.PackageSupport
open CondEmbed.Tests.Support

/// The projects that become libraries.
let private libraries =
    Map
        [ "CondEmbed.Common", "shell/CondEmbed.Common/CondEmbed.Common.csproj"
          "CondEmbed.Core", "core/CondEmbed.Core.fsproj"
          "CondEmbed.Torch", "shell/CondEmbed.Torch/CondEmbed.Torch.fsproj"
          "CondEmbed.Images", "shell/CondEmbed.Images/CondEmbed.Images.csproj"
          "CondEmbed.Search", "shell/CondEmbed.Search/CondEmbed.Search.csproj"
          "CondEmbed", "shell/CondEmbed/CondEmbed.csproj"
          "CondEmbed.Mpi", "shell/CondEmbed.Mpi/CondEmbed.Mpi.csproj"
          "CondEmbed.Onnx", "shell/CondEmbed.Onnx/CondEmbed.Onnx.csproj"
          "CondEmbed.Postgres", "shell/CondEmbed.Postgres/CondEmbed.Postgres.csproj"
          "CondEmbed.Extensions.AI", "shell/CondEmbed.Extensions.AI/CondEmbed.Extensions.AI.csproj" ]

let private buildOnly = set [ "MinVer"; "Roslynator.Analyzers"; "IDisposableAnalyzers"; "OptionsGenerator" ]

/// What a project asks for by Paket and by references to other projects.
let private asked (project: string) =
    let file = Path.Combine(repositoryRoot (), project)
    let beside = string (Path.GetDirectoryName file)
    let projects = Regex.Matches(File.ReadAllText file, "<ProjectReference Include=\"([^\"]+)\"")

    set
        [ yield!
              File.ReadAllLines(Path.Combine(beside, "paket.references"))
              |> Seq.filter (fun line -> line.Trim() <> "")
          for reference in projects -> string (Path.GetFileNameWithoutExtension reference.Groups[1].Value) ]
    - buildOnly

/// The names that the symbols in an assembly give to its source files.
let private sourcesOf (assembly: byte array) =
    use reader = new PEReader(ImmutableArray.Create<byte> assembly)

    let symbols =
        reader.ReadDebugDirectory()
        |> Seq.tryFind (fun entry -> entry.Type = DebugDirectoryEntryType.EmbeddedPortablePdb)

    use provider = reader.ReadEmbeddedPortablePdbDebugDirectoryData(Expect.wantSome symbols "symbols in the assembly")
    let symbols = provider.GetMetadataReader()
    [ for document in symbols.Documents -> symbols.GetString(symbols.GetDocument(document).Name) ]

/// Files that hold the text, as UTF-8 or UTF-16.
let private holding (text: string) (files: (string * byte array) list) =
    let wanted = [ Encoding.UTF8.GetBytes text; Encoding.Unicode.GetBytes text ]

    [ for name, bytes in files do
          if wanted |> List.exists (fun wanted -> bytes.AsSpan().IndexOf(ReadOnlySpan wanted) >= 0) then name ]

let private contents =
    testList
        "contents"
        [ for KeyValue(id, project) in libraries do
              testCase id (fun () ->
                  let files = contents id
                  let names = files |> List.map fst
                  Expect.containsAll names [ "README.md"; "LICENSE"; $"lib/net10.0/{id}.dll"; $"lib/net10.0/{id}.xml" ] "files"
                  Expect.equal (saying "license" id, saying "readme" id) ("MIT", "README.md") "licence and readme"
                  Expect.isNotEmpty (saying "description" id) "description"
                  Expect.equal (dependencies id |> Map.keys |> set) (asked project) "dependencies"

                  for KeyValue(name, range) in dependencies id do
                      if name.StartsWith "CondEmbed" then Expect.equal range version.Value $"{name} of the same version"
                      elif name = "TorchSharp" then Expect.equal range "[0.107.0]" "TorchSharp fits one libtorch only"
                      else Expect.isMatch range "^[0-9.]+$" $"{name}: a lower bound and nothing else"

                  let assembly = files |> List.find (fun (name, _) -> name = $"lib/net10.0/{id}.dll") |> snd
                  let sources = sourcesOf assembly
                  Expect.isNonEmpty sources "sources in the symbols"
                  Expect.all sources (fun name -> name.StartsWith "/_/") "named for no machine's folder"
                  Expect.isEmpty (holding (repositoryRoot ()) files) "no path of this machine")

          testCase "CondEmbed.Core asks for libtorch by system, and says so when it cannot" (fun () ->
              let files = contents "CondEmbed.Core" |> Map
              let runtimes = Encoding.UTF8.GetString files["runtime.json"]

              for system in [ "linux-x64"; "osx-arm64"; "win-arm64"; "win-x64" ] do
                  Expect.stringContains runtimes $"\"libtorch-cpu-{system}\": \"[{NativeFiles.Wanted}]\"" system

              Expect.isTrue (files.ContainsKey "buildTransitive/CondEmbed.Core.targets") "the check of a build"
              Expect.isTrue (files.ContainsKey "content/CondEmbed.Core.fsx") "what F# Interactive runs")

          testCase "CondEmbed.Torch wakes up before a program does, if the program wants it" (fun () ->
              let files = contents "CondEmbed.Torch" |> Map
              let targets = Encoding.UTF8.GetString files["buildTransitive/CondEmbed.Torch.targets"]
              Expect.stringContains targets "STARTUP_HOOKS" "the hook"
              Expect.isTrue (files.ContainsKey "content/CondEmbed.Torch.fsx") "what F# Interactive runs")

          testCase "the tool has every system's libraries but libtorch" (fun () ->
              let files = contents "CondEmbed.Tool"
              let names = files |> List.map fst

              for file in
                  [ "linux-x64/native/libLibTorchSharp.so"
                    "win-x64/native/LibTorchSharp.dll"
                    "osx-arm64/native/libLibTorchSharp.dylib" ] do
                  Expect.contains names $"tools/net10.0/any/runtimes/{file}" "TorchSharp"

              Expect.isEmpty (names |> List.filter _.Contains("torch_cpu")) "no libtorch"
              Expect.containsAll names [ "README.md"; "LICENSE" ] "for people"
              Expect.isLessThan (files |> List.sumBy (snd >> Array.length)) 250_000_000 "unpacked size"

              // The F# compiler writes the path of a source into each quotation, and Argu is asked by quotations.
              let others = files |> List.filter (fun (name, _) -> not (name.EndsWith "CondEmbed.Cli.dll"))
              Expect.isEmpty (holding (repositoryRoot ()) others) "no path of this machine") ]

let private project extra =
    $"""<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <Nullable>enable</Nullable>
    <ImplicitUsings>enable</ImplicitUsings>
    {extra}
  </PropertyGroup>
  <ItemGroup><PackageReference Include="CondEmbed" Version="{version.Value}" /></ItemGroup>
</Project>"""

/// Calls torch before anything of CondEmbed, which fails where TorchSharp's own library does not load as it is.
let private program =
    """using CondEmbed.Datasets;
using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Runs;
using TorchSharp;

Console.WriteLine($"torch: {torch.ones(2, 3).sum().item<float>()}");
var options = new TrainingOptions
{
    Data = args[0], Out = args[1], Steps = 2, Size = 32, Batch = 8, PerClass = 2, Embedding = 16, Device = "cpu", Threads = 1, Workers = 1,
};
var result = await new Trainer(options).TrainAsync();
using var model = EmbeddingModel.Load(result.Folder);
var embeddings = model.Embed(FolderDataset.Open(args[0]));
Console.WriteLine($"embeddings: {embeddings.Count} x {embeddings.Dimension}");
"""

let private application name extra =
    let home = folder name
    File.WriteAllText(Path.Combine(home, "app.csproj"), project extra)
    File.WriteAllText(Path.Combine(home, "Program.cs"), program)
    home

let private inCSharp =
    testList
        "C#"
        [ testCase "a published program trains and embeds, on the libtorch of its system" (fun () ->
              let home = application "csharp" "<CondEmbedStartupHook>true</CondEmbedStartupHook>"
              let publish = [ "publish"; "-r"; NativeFiles.rid; "--self-contained"; "false"; "-o"; "out" ]
              succeedsIn home consumer.Value "dotnet" publish |> ignore
              let run = [ Path.Combine(home, "out", "app.dll"); RunSupport.imageFolder.Value; Path.Combine(home, "run") ]
              // Without caches: what it needs lies beside it.
              let said = succeedsIn home [ "HOME", home; "NUGET_PACKAGES", home ] "dotnet" run
              Expect.stringContains said "torch: 6" "torch before anything else"
              Expect.stringContains said "embeddings: 96 x 16" "the embeddings")

          testCase "a file without a project asks for the package in a line, trains and searches" (fun () ->
              let home = folder "file"
              let photos = Path.Combine(home, "photos")
              RunSupport.unpack photos 16
              let own, asked = "#:project ../CondEmbed/CondEmbed.csproj", $"#:package CondEmbed@{version.Value}"
              let file = File.ReadAllText(Path.Combine(repositoryRoot (), "shell", "scripts", "search.cs"))
              File.WriteAllText(Path.Combine(home, "search.cs"), file.Replace(own, asked))
              let query = Directory.GetFiles(photos, "*.png", SearchOption.AllDirectories)[0]
              let run = [ "run"; "search.cs"; photos; query; "2" ]
              Expect.stringContains (succeedsIn home (aside home :: consumer.Value) "dotnet" run) "1.000" "found")

          testCase "a program for no system in particular is not built without libtorch, and told what to add" (fun () ->
              let home = application "portable" ""
              let said = failsIn home consumer.Value "dotnet" [ "build" ] 1
              Expect.stringContains said "CONDEMBED001" "the error"
              Expect.stringContains said $"dotnet add package libtorch-cpu-{NativeFiles.rid} --version {NativeFiles.Wanted}" "what to add"
              succeedsIn home consumer.Value "dotnet" [ "build"; "-p:CondEmbedTorch=none" ] |> ignore

              let settings = Directory.GetFiles(home, "app.runtimeconfig.json", SearchOption.AllDirectories) |> Array.last
              Expect.isFalse ((File.ReadAllText settings).Contains "STARTUP_HOOKS") "no hook that was not asked for") ]

/// The first block of F# in a page, with the feed and the version of this build.
let private scriptOf (page: string) =
    let code = Regex.Match(File.ReadAllText page, "```fsharp\n(.*?)```", RegexOptions.Singleline).Groups[1].Value
    let asked = Regex.Replace(code, "#r \"nuget: ([^\"]+)\"", $"#r \"nuget: $1, {version.Value}\"")
    $"#i \"nuget: {feed.Value}\"\n{asked}"

let private runScript name (code: string) =
    let home = folder name
    let script = Path.Combine(home, "script.fsx")
    File.WriteAllText(script, code)
    succeedsIn home consumer.Value "dotnet" [ "fsi"; "--quiet"; script ]

let private inFSharp =
    testList
        "F# Interactive"
        [ testCase "the script in the readme of CondEmbed.Core" (fun () ->
              let page = Path.Combine(repositoryRoot (), "core", "README.md")
              Expect.isMatch (runScript "core-script" (scriptOf page)) "\\[2x4\\]|\\[2, 4\\]" "what it prints")

          testCase "torch first, in a script that asks for CondEmbed alone" (fun () ->
              let ask = $"#i \"nuget: {feed.Value}\"\n#r \"nuget: CondEmbed, {version.Value}\"\n"

              let use' =
                  "open TorchSharp\nprintfn \"torch: %g\" (torch.ones(2L, 3L).sum().item<float32>())\nprintfn \"CondEmbed %s\" CondEmbed.Common.About.Version"

              let said = runScript "script" (ask + use')
              Expect.stringContains said "torch: 6" "torch"
              Expect.stringContains said "CondEmbed 0." "CondEmbed") ]

/// The file that the guide shows, with the folder of packages in its place.
let private shownConfig () =
    let page = File.ReadAllText(Path.Combine(repositoryRoot (), "docs", "packages.md"))
    let shown = Regex.Match(page, "(?s)```xml\n(<configuration>.*?</configuration>)\n```").Groups[1].Value
    Expect.stringContains shown "\"artifacts/packages\"" "the folder"
    shown.Replace("artifacts/packages", feed.Value)

let private sources =
    testCase "the sources that the guide shows serve a cache that has nothing" (fun () ->
        let home = folder "cold"
        // What stands for the source that a machine is set up with: it has the packages of others, and none of ours.
        let usual = $"<configuration><packageSources><clear /><add key='usual' value='{others}' /></packageSources></configuration>"
        let settings = Path.Combine(home, ".nuget", "NuGet")
        Directory.CreateDirectory settings |> ignore
        File.WriteAllText(Path.Combine(settings, "NuGet.Config"), usual)
        Directory.CreateDirectory(Path.Combine(home, "app")) |> ignore

        let project =
            "<Project Sdk='Microsoft.NET.Sdk'><PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup></Project>"

        File.WriteAllText(Path.Combine(home, "app", "app.csproj"), project)
        let app = Path.Combine(home, "app")
        let cold = [ "HOME", home; "USERPROFILE", home; "APPDATA", home; "NUGET_PACKAGES", Path.Combine(home, "packages") ]
        let add = [ "add"; "package"; "CondEmbed.Search"; "--version"; version.Value ]
        let said = failsIn app cold "dotnet" (add @ [ "--source"; feed.Value ]) 1
        Expect.stringContains said "NU1101" "with the folder as the only source"
        File.WriteAllText(Path.Combine(app, "nuget.config"), shownConfig ())
        succeedsIn app cold "dotnet" add |> ignore
        Expect.stringContains (File.ReadAllText(Path.Combine(app, "app.csproj"))) "CondEmbed.Search" "added")

let private toolPath =
    lazy
        (let home = folder "tool"

         let install =
             [ "tool"
               "install"
               "--tool-path"
               home
               "--add-source"
               feed.Value
               "CondEmbed.Tool"
               "--version"
               version.Value ]

         succeedsIn home consumer.Value "dotnet" install |> ignore
         Path.Combine(home, (if OperatingSystem.IsWindows() then "condembed.exe" else "condembed")))

let private tool =
    testList
        "tool"
        [ testCase "trains with the libtorch among this user's packages" (fun () ->
              let home = folder "work"
              Expect.stringContains (succeedsIn home [] toolPath.Value [ "doctor" ]) "Nothing is wrong." "doctor"
              let settings = RunSupport.tiny |> List.collect (fun (key, value) -> [ "--set"; $"{key}={value}" ])

              succeedsIn home [] toolPath.Value ([ "train"; RunSupport.imageFolder.Value; "--out"; "run" ] @ settings)
              |> ignore

              Expect.isTrue (File.Exists(Path.Combine(home, "run", "report.html"))) "the report")

          testCase "without libtorch says what to run, and running it helps" (fun () ->
              let package = $"libtorch-cpu-{NativeFiles.rid}"
              let home = folder "bare"
              let bare = [ "HOME", home; "USERPROFILE", home; "NUGET_PACKAGES", Path.Combine(home, "packages") ]
              let said = failsIn home bare toolPath.Value [ "train"; RunSupport.imageFolder.Value ] 2
              Expect.stringContains said "condembed doctor --get" "what to run"

              match cached package NativeFiles.Wanted with
              | None ->
                  skiptest $"the package {package} {NativeFiles.Wanted} is not in this user's NuGet packages; 'dotnet build' brings it"
              | Some file ->
                  let source = "RestoreSources", string (Path.GetDirectoryName file)
                  let said = succeedsIn home (source :: bare) toolPath.Value [ "doctor"; "--get" ]
                  Expect.stringContains said $"fetching {package} {NativeFiles.Wanted}" "what it does"
                  Expect.stringContains said "Nothing is wrong." "the end"
                  Directory.Delete(Path.Combine(home, "packages"), true)) ]

let tests = testList "Package" [ contents; inCSharp; inFSharp; sources; tool ]
