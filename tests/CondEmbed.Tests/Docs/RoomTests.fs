/// The rooms of the shell: an assembly is a namespace, a folder of CondEmbed is one too, and arrows between them never lead back.
module CondEmbed.Tests.RoomTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open CondEmbed.Tests.Support

/// A source file: the folder that its project or room is, its namespace, and the namespaces that it uses, by itself or through its project.
type private Source = { Path: string; Namespace: string; Uses: Set<string> }

let private rooms = [ "Common"; "Images"; "Search"; "Onnx"; "Postgres"; "Mpi"; "Extensions.AI" ]

let private names (pattern: string) text = [ for found in Regex.Matches(text, pattern, RegexOptions.Multiline) -> found.Groups[1].Value ]

let private sources (folder: string) =
    let root = repositoryRoot ()

    let everywhere =
        File.ReadAllText(Path.Combine(root, "shell", folder, $"{folder}.csproj"))
        |> names @"<Using Include=""(CondEmbed\.\w+)"""

    [ for path in Directory.EnumerateFiles(Path.Combine(root, "shell", folder), "*.cs", SearchOption.AllDirectories) do
          let relative = Path.GetRelativePath(root, path).Replace('\\', '/')

          if not (relative.Contains "/obj/" || relative.Contains "/bin/") then
              let text = File.ReadAllText path

              { Path = relative
                Namespace = names @"^namespace ([\w.]+);" text |> List.tryHead |> Option.defaultValue ""
                Uses = everywhere @ names @"^using (?:static )?(CondEmbed\.\w+)[\w.]*;" text |> Set.ofList } ]

let private all = lazy (List.collect sources ("CondEmbed" :: [ for room in rooms -> $"CondEmbed.{room}" ]))

/// Registrations with a container stand where .NET looks for them.
let private isRegistration source = source.Namespace = "Microsoft.Extensions.DependencyInjection"

/// The namespace that a path calls for: `shell/CondEmbed.Images/Decoding/X.cs` is CondEmbed.Images, `shell/CondEmbed/Runs/X.cs` is CondEmbed.Runs.
let private called (path: string) =
    match List.ofArray (path.Split '/') with
    | _ :: "CondEmbed" :: folder :: _ -> $"CondEmbed.{folder}"
    | _ :: project :: _ -> project
    | _ -> ""

/// From a room to those that it uses.
let private arrows =
    lazy
        (let known = all.Value |> List.map _.Namespace |> Set.ofList

         all.Value
         |> List.filter (isRegistration >> not)
         |> List.groupBy _.Namespace
         |> List.map (fun (room, files) -> room, files |> List.map _.Uses |> Set.unionMany |> Set.remove room |> Set.intersect known)
         |> Map)

/// A way from the room back to itself; empty when there is none.
let private circle (arrows: Map<string, Set<string>>) =
    let rec walk way room =
        if List.contains room way then
            List.rev (room :: way) |> List.skipWhile ((<>) room)
        else
            Map.tryFind room arrows
            |> Option.defaultValue Set.empty
            |> Seq.tryPick (fun next ->
                match walk (room :: way) next with
                | [] -> None
                | found -> Some found)
            |> Option.defaultValue []

    arrows
    |> Map.toSeq
    |> Seq.map (fst >> walk [])
    |> Seq.tryFind (List.isEmpty >> not)
    |> Option.defaultValue []

/// All that can be reached from a room in one step or more.
let rec private reached (arrows: Map<string, Set<string>>) room =
    let next = Map.tryFind room arrows |> Option.defaultValue Set.empty
    Set.union next (next |> Seq.map (reached arrows) |> Set.unionMany)

/// The arrows as Mermaid draws them, without those that follow from others.
let private mermaid (arrows: Map<string, Set<string>>) =
    let short (room: string) = room.Replace("CondEmbed.", "")

    [ "```mermaid"
      "flowchart TD"
      for KeyValue(room, uses) in arrows do
          for next in uses do
              let follows = Set.remove next uses |> Set.exists (fun other -> Set.contains next (reached arrows other))
              if not follows then $"    {short room} --> {short next}"
      "```" ]
    |> String.concat "\n"

/// Handwritten code of the project, whatever its language.
let private code () =
    let root = repositoryRoot ()

    [ for folder in [ "core"; "shell"; "tests"; "tools" ] do
          for path in Directory.EnumerateFiles(Path.Combine(root, folder), "*.*", SearchOption.AllDirectories) do
              let relative = Path.GetRelativePath(root, path).Replace('\\', '/')
              let isBuilt = relative.Contains "/obj/" || relative.Contains "/bin/"
              if not isBuilt && List.contains (Path.GetExtension path) [ ".fs"; ".fsi"; ".fsx"; ".cs" ] then relative, path ]

let tests =
    testList
        "Rooms"
        [ testCase "a file stands in the folder that its namespace names" (fun () ->
              let strangers =
                  [ for source in all.Value do
                        if not (isRegistration source) && source.Namespace <> called source.Path then
                            $"{source.Path} is in {source.Namespace}" ]

              Expect.isEmpty strangers "files in another room than their namespace")

          testCase "no circles between rooms" (fun () ->
              let way = circle arrows.Value |> String.concat " -> "
              Expect.equal way "" "move what both rooms need into a room below them, or join the two")

          testCase "a circle would be found" (fun () ->
              let closed = arrows.Value |> Map.add "CondEmbed.Common" (Set.singleton "CondEmbed.Runs")
              Expect.isNonEmpty (circle closed) "Common uses Runs, which uses Common")

          testCase "no room has more files than a reader can survey" (fun () ->
              let large =
                  [ for folder, files in code () |> List.countBy (fst >> Path.GetDirectoryName) do
                        if files > 22 then $"{folder} has {files}" ]

              Expect.equal large [] "folders of more than 22 files: divide them")

          testCase "no file is too long to be read in one go" (fun () ->
              let lengths = [ for relative, path in code () -> relative, File.ReadLines(path) |> Seq.length ]
              Expect.isGreaterThan lengths.Length 500 "files"

              let long =
                  [ for file, lines in lengths do
                        if lines > 300 then $"{file} has {lines}" ]

              Expect.isEmpty long "files of more than 300 lines: divide them")

          testCase "docs/how-it-works.md draws the arrows as they are" (fun () ->
              let page = File.ReadAllText(Path.Combine(repositoryRoot (), "docs", "how-it-works.md")).Replace("\r", "")
              let drawn = mermaid arrows.Value
              Expect.isTrue (page.Contains drawn) $"put this into the page:\n{drawn}") ]
