/// What CONTRIBUTING says of adding a thing, done: each patch of tests/patches adds one to a copy of the sources.
module CondEmbed.Tests.AddingTests

open System
open System.Collections.Generic
open System.IO
open System.Reflection
open System.Runtime.Loader
open Expecto
open CondEmbed.Torch
open CondEmbed.Tests.PackageSupport
open CondEmbed.Tests.Support

let private patch name = Path.Combine(repositoryRoot (), "tests", "patches", $"{name}.patch")

/// The files that a patch makes, and those that it changes with the lines that it adds to them.
let private changes name =
    let sections = File.ReadAllText(patch name).Split("diff --git ", StringSplitOptions.RemoveEmptyEntries)

    let added (section: string) =
        section.Split('\n')
        |> Array.filter (fun line -> line.StartsWith '+' && not (line.StartsWith "+++"))
        |> Array.length

    let removed (section: string) =
        section.Split('\n')
        |> Array.filter (fun line -> line.StartsWith '-' && not (line.StartsWith "---"))
        |> Array.length

    let isNew (section: string) = section.Contains "\nnew file mode"
    Expect.equal (Array.sumBy removed sections) 0 $"{name}: lines that are taken away"
    sections |> Array.filter isNew |> Array.length, [ for section in sections |> Array.filter (isNew >> not) -> added section ]

let private oneFileAndOneLine name =
    test $"a new {name} is one file and one line" { Expect.equal (changes name) (1, [ 1 ]) $"{name}: new files, and lines in others" }

/// What a restore by Paket leaves, by which the next knows that there is nothing to do.
let private restored () =
    let below part pattern = Directory.EnumerateFiles(Path.Combine(repositoryRoot (), part), pattern, SearchOption.AllDirectories)

    let ofProjects =
        [ "core"; "shell"; "tools" ]
        |> Seq.collect (fun part -> Seq.append (below part "*.paket.*") (below part "*.references"))

    ofProjects
    |> Seq.filter (fun file -> Path.GetFileName(Path.GetDirectoryName file) = "obj")
    |> Seq.append (below "paket-files" "*.cached")

/// The sources with all patches, built: the folder of the assemblies.
let private built =
    lazy
        (let copy = folder "adding"

         let files =
             succeedsIn (repositoryRoot ()) [] "git" [ "ls-files"; "--"; "core"; "shell"; "tools"; ".paket"; ".config"; ":(glob)*" ]

         for file in files.Split('\n', StringSplitOptions.RemoveEmptyEntries) do
             let source, target = Path.Combine(repositoryRoot (), file), Path.Combine(copy, file)
             Directory.CreateDirectory(string (Path.GetDirectoryName target)) |> ignore
             if File.Exists source then File.Copy(source, target)

         // What Paket has restored here is restored there: no patch asks for a package.
         for file in restored () do
             let target = Path.Combine(copy, Path.GetRelativePath(repositoryRoot (), file))
             Directory.CreateDirectory(string (Path.GetDirectoryName target)) |> ignore
             File.Copy(file, target)

         for name in [ "loss"; "encoder"; "setting"; "layout"; "metric"; "store" ] do
             succeedsIn copy [] "git" [ "apply"; patch name ] |> ignore

         // On one core, beside the other tests, and without what only a release needs: faster code, and the sources in the assemblies.
         let quick = [ "-maxcpucount:1"; "-p:Optimize=false"; "-p:DebugType=none"; "-p:EmbedAllSources=false" ]

         succeedsIn copy [] "dotnet" ([ "build"; "-c"; "Release"; "shell/CondEmbed/CondEmbed.csproj" ] @ quick)
         |> ignore

         Path.Combine(copy, "shell", "CondEmbed", "bin", "Release", "net10.0"))

/// Our assemblies from a folder, and what they need as it is here.
type private Patched(folder: string) =
    inherit AssemblyLoadContext("patched")

    override this.Load name =
        let own = Path.Combine(folder, $"{name.Name}.dll")
        if File.Exists own then this.LoadFromAssemblyPath own else null

let private library = lazy Patched(built.Value).LoadFromAssemblyName(AssemblyName "CondEmbed")

/// A public or internal type of the patched sources.
let private typeOf assembly name : Type =
    let context = AssemblyLoadContext.GetLoadContext library.Value |> nonNull
    context.LoadFromAssemblyName(AssemblyName assembly).GetType name |> nonNull

let private settings name : string list =
    let found = (typeOf "CondEmbed.Core" "CondEmbed.Interop.CoreSettings").GetProperty(name: string) |> nonNull
    List.ofSeq (found.GetValue null :?> IReadOnlyList<string>)

let private works =
    testList
        "works"
        [ test "a loss is known by name, and has a value" {
              Expect.contains (settings "Losses") "cubic" "names"
              Native.ensure ()
              let functions = typeOf "CondEmbed.Core" "CondEmbed.Interop.LossFunctions"
              let evaluate = functions.GetMethods() |> Array.find (fun method -> method.Name = "Evaluate")
              let embeddings = [| [| 1.0; 0.0 |]; [| 0.0; 1.0 |] |]
              let result = evaluate.Invoke(null, [| "cubic(scale=2)"; null; embeddings; [| 0L; 0L |]; null |]) |> nonNull
              let value = result.GetType().GetProperty "Value" |> nonNull
              Expect.floatClose Accuracy.medium (value.GetValue result :?> float) 2.0 "twice the cube of the distance 1"
          }

          test "an encoder is known by name, and has what its graph is made of" {
              Expect.contains (settings "Encoders") "miniature" "names"
              let description = typeOf "CondEmbed.Core" "CondEmbed.Interop.EncoderDescription"
              let found = (description.GetMethod "Of" |> nonNull).Invoke(null, [| "miniature" |]) |> nonNull
              let strides = (description.GetProperty "Strides" |> nonNull).GetValue found :?> IReadOnlyList<int>
              Expect.equal (List.ofSeq strides) [ 2; 2 ] "strides"
          }

          test "a setting has a key, a default, a range, and a property for C#" {
              let options = typeOf "CondEmbed" "CondEmbed.Options.TrainingOptions"
              let property = options.GetProperty "Patience" |> nonNull
              Expect.equal property.PropertyType typeof<Nullable<int>> "type"

              let resolved (value: Nullable<int>) =
                  let given = Activator.CreateInstance options |> nonNull
                  property.SetValue(given, value)
                  let settings = (options.GetMethod "Resolve" |> nonNull).Invoke(given, [||]) |> nonNull
                  let core = (settings.GetType().GetProperty "Core" |> nonNull).GetValue settings |> nonNull
                  (core.GetType().GetProperty "Patience" |> nonNull).GetValue core :?> int

              Expect.equal (resolved (Nullable())) 3 "default"
              Expect.equal (resolved (Nullable 5)) 5 "given"
              let refused = Expect.throwsC (fun () -> resolved (Nullable -1) |> ignore) (fun error -> string error.InnerException)
              Expect.stringContains refused "Patience: is -1; it must be at least 0" "range"
          }

          test "a store is known by its addresses, and opened" {
              let network = Activator.CreateInstance(typeOf "CondEmbed.Search" "CondEmbed.Search.StoreNetwork", "network", 2)
              let kindType = typeOf "CondEmbed.Search" "CondEmbed.Search.StoreKind"
              let get (name: string) (kind: obj) = (kindType.GetProperty name |> nonNull).GetValue kind |> nonNull
              let kinds = (kindType.GetProperty "All" |> nonNull).GetValue null :?> System.Collections.IEnumerable

              let kind =
                  kinds
                  |> Seq.cast<obj>
                  |> Seq.find (fun kind -> (get "Recognises" kind :?> Func<string, bool>).Invoke "memory:a")

              let opened =
                  (get "OpenOrCreateAsync" kind :?> Delegate).DynamicInvoke("memory:a", network, false, Threading.CancellationToken.None)
                  |> nonNull

              let store = (opened.GetType().GetProperty "Result" |> nonNull).GetValue opened |> nonNull
              Expect.equal ((store.GetType().GetProperty "Name" |> nonNull).GetValue store) "memory:a" "name"
          }

          test "a metric is among those that are measured" {
              let measures = typeOf "CondEmbed" "CondEmbed.Evaluation.QueryMeasure"
              let options = Activator.CreateInstance(typeOf "CondEmbed" "CondEmbed.Evaluation.EvaluationOptions")
              let all = measures.GetMethod("Of", BindingFlags.NonPublic ||| BindingFlags.Static) |> nonNull
              let found = all.Invoke(null, [| options |]) :?> System.Collections.IEnumerable
              Expect.contains [ for measure in found -> (string measure).Contains "last_rank" ] true "names"

              let display =
                  typeOf "CondEmbed" "CondEmbed.Evaluation.MetricNames"
                  |> fun names -> names.GetMethod "Display" |> nonNull

              Expect.equal (display.Invoke(null, [| "last_rank" |])) "Last rank" "for people"
          }

          test "a layout of data is recognised and opened" {
              inFolder (fun data ->
                  File.WriteAllText(Path.Combine(data, "classes.txt"), "one.png a\ntwo.png b\n")
                  let datasets = typeOf "CondEmbed" "CondEmbed.Datasets.ImageDatasets"
                  let names = (datasets.GetProperty "LayoutNames" |> nonNull).GetValue null :?> IReadOnlyList<string>
                  Expect.contains (List.ofSeq names) "numbered" "names"
                  let opened = (datasets.GetMethod "Open" |> nonNull).Invoke(null, [| data; null |]) |> nonNull
                  Expect.equal ((opened.GetType().GetProperty "Name" |> nonNull).GetValue opened) "numbered" "recognised")
          } ]

let tests =
    testList
        "Adding"
        [ yield! List.map oneFileAndOneLine [ "loss"; "encoder"; "layout"; "metric"; "store" ]
          test "a new setting is one place in one file" {
              Expect.equal (changes "setting") (0, [ 3 ]) "lines: default and meaning, range, name"
          }
          works ]
