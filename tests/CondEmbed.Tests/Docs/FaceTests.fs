/// The library as C# sees it: what C# code does with it, and what its signatures show.
module CondEmbed.Tests.FaceTests

open System
open System.IO
open System.Reflection
open Microsoft.FSharp.Reflection
open System.Text.Json
open Expecto
open CondEmbed
open CondEmbed.Interop
open CondEmbed.Common
open CondEmbed.Options
open CondEmbed.Storage
open CondEmbed.Models
open CondEmbed.Runs
open CondEmbed.Tests.CSharp
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support
open CondEmbed.Pairs

let private keyOf (property: PropertyInfo) = JsonNamingPolicy.SnakeCaseLower.ConvertName property.Name

let private properties = typeof<TrainingOptions>.GetProperties() |> Array.filter (fun property -> property.Name <> "Out")

let private keys = [ for setting in RunSettings.All -> setting.Key ]

/// Settings as text by key, those of a loss under the name of the table.
let private texts (settings: RunSettings) =
    settings.Pairs()
    |> Seq.groupBy (fun pair -> pair.Key.Split('.')[0])
    |> Seq.map (fun (key, pairs) -> key, [ for pair in pairs -> pair.Value ])
    |> Map

let private textOf (texts: Map<string, string list>) key = texts.TryFind key |> Option.defaultValue []

/// These need another head, form of level, an average, or frozen stages.
let private together = [ "HeadStart"; "LevelValues"; "LevelForm"; "LevelWidth"; "LevelAverage"; "TrunkCache" ]

let private options =
    testList
        "options"
        [ test "every setting has a property, and every property is a setting" {
              Expect.equal (List.sort [ for property in properties -> keyOf property ]) (List.sort keys) "names"
          }

          test "everything that is set reaches the run" {
              let config, usual = texts (Options.Everything.Resolve()), texts (RunSettings.StartFor "small")

              for property in properties do
                  let value = property.GetValue Options.Everything
                  Expect.isNotNull value $"{property.Name} is set"
                  Expect.notEqual (textOf config (keyOf property)) (textOf usual (keyOf property)) property.Name
          }

          test "each property alone is sound, and changes nothing else" {
              let everything, usual = texts (Options.Everything.Resolve()), texts (RunSettings.StartFor "small")

              for property in properties |> Seq.filter (fun property -> not (List.contains property.Name together)) do
                  let alone = TrainingOptions()
                  property.SetValue(alone, property.GetValue Options.Everything)
                  let config = texts (alone.Resolve())
                  let key = keyOf property
                  Expect.equal (textOf config key) (textOf everything key) property.Name

                  if key <> "encoder" then
                      let others config =
                          [ for other in keys do
                                if other <> key then textOf config other ]

                      Expect.equal (others config) (others usual) $"all but {key}"
          }

          test "what training alone reads changes nothing of the network that it leaves, nor of what is measured" {
              let left (settings: RunSettings) =
                  [ for spec in (Recipe.network settings.Core).Specs -> spec.Name, spec.Shape ],
                  Views.ForTesting settings,
                  Views.Decoder settings.Host,
                  [ for key in [ "data"; "layout"; "boxes"; "split"; "label_match"; "recall_at"; "clustering" ] ->
                        textOf (texts settings) key ]

              let usual = left (RunSettings.StartFor "small")
              let ofTraining = RunSettings.All |> Seq.filter _.IsOfTraining |> Seq.map _.Property |> Set
              Expect.isGreaterThan ofTraining.Count 80 "settings of training"

              for property in properties do
                  let alone = TrainingOptions()
                  property.SetValue(alone, property.GetValue Options.Everything)

                  if ofTraining.Contains property.Name && not (List.contains property.Name together) then
                      Expect.equal (left (alone.Resolve())) usual property.Name

              for key in [ "loss"; "loss_settings.alpha"; "levels"; "flip"; "save_every" ] do
                  Expect.isTrue (RunSettings.IsOfTraining key) key

              for key in [ "encoder"; "embedding"; "size"; "resize"; "data"; "recall_at"; "none" ] do
                  Expect.isFalse (RunSettings.IsOfTraining key) key
          }

          test "what is wrong is said all at once, under the names of the properties" {
              let problem = TrainingUser.ProblemOf(TrainingOptions(Batch = 7, Loss = "triplett", Encoder = "resnet5"))

              for word in [ "Batch"; "7 is not a multiple"; "Loss"; "'triplet'"; "Encoder"; "resnet50" ] do
                  Expect.stringContains problem word "the message"
          } ]

let private training =
    testList
        "training"
        [ test "a run with its progress" {
              inFolder (fun folder ->
                  let reports = ResizeArray<RunProgress>()

                  let result =
                      TrainingUser
                          .Train(
                              Options.Tiny(imageFolder.Value, Path.Combine(folder, "run")),
                              listener (fun at -> lock reports (fun () -> reports.Add at))
                          )
                          .Result

                  expectSameRun (finishedRun []) result.Folder

                  let training =
                      [ for at in reports do
                            if at.Phase = RunProgress.Training then at ]

                  Expect.equal [ for at in training -> at.Step, at.Steps ] [ for step in 1..6 -> step, 6 ] "steps"

                  for at in training do
                      Expect.isTrue (at.Loss.HasValue && at.ImagesPerSecond.HasValue && at.Remaining.HasValue) "loss, pace, time left"
                      Expect.equal [ for term in at.Terms -> term.Key ] [ "loss"; "level1" ] "terms")
          }

          test "a run that is cancelled and goes on" {
              inFolder (fun folder ->
                  let struct (step, result) = TrainingUser.StopAndGoOn(Options.Tiny(imageFolder.Value, Path.Combine(folder, "run"))).Result

                  Expect.equal step 2 "where it stopped"
                  expectSameRun (finishedRun []) result.Folder)
          } ]

let private using =
    testList
        "use"
        [ test "an image has one embedding, from its path, its bytes, and among others" {
              let struct (path, bytes, stream, folder) = SearchUser.EmbedFirst(finishedRun [], imageFolder.Value)

              Expect.equal (bytes, stream) (path, path) "bytes"
              Expect.isLessThan (Seq.map2 (fun a b -> abs (a - b)) path folder |> Seq.max) 1e-5f "among others"
          }

          test "metrics of a model are those of its embeddings" {
              let struct (evaluated, measured) = SearchUser.Measure(finishedRun [], imageFolder.Value)

              Expect.equal (List.ofSeq measured.Values) (List.ofSeq evaluated.Values) "metrics"
              Expect.equal (evaluated.Recall 1) evaluated["recall@1"] "by name and by K"
              Expect.equal evaluated.Queries 96 "queries"
          }

          test "every image finds itself first" {
              let answers = SearchUser.Search(finishedRun [], imageFolder.Value, 4)
              Expect.hasLength answers 96 "answers"

              for struct (query, found) in answers do
                  Expect.equal (found.Count, found[0]) (4, query) query
          }

          test "pairs are compared, explained and re-ranked" {
              let struct (pair, heads, plain, reranked) = SearchUser.Compare(finishedRun [ "levels", "2" ], imageFolder.Value)
              Expect.equal (pair.Levels.Count, heads.Count) (2, 2) "levels and heads"
              Expect.equal pair.Last (pair.By CondEmbed.Pairs.PairScore.Last) "last"
              let struct (evaluated, _) = SearchUser.Measure(finishedRun [ "levels", "2" ], imageFolder.Value)
              Expect.equal plain evaluated.MapAtR "MAP@R by embeddings"
              Expect.notEqual reranked plain "the levels order otherwise"
              Expect.isTrue (abs (reranked - plain) < 0.2) $"MAP@R re-ranked {reranked}, plain {plain}"
          }

          test "weights of another format are made safetensors" {
              inFolder (fun folder ->
                  let out = Path.Combine(folder, "out.safetensors")
                  Expect.isEmpty (WeightsUser.Import(golden "weights/torch.pth", out)) "of no encoder"
                  Expect.equal (WeightsUser.Read(out, "module.transposed")).Length 24 "numbers")
          }

          test "losses are asked for by name" {
              Expect.equal (LossUser.Value "triplet") (struct (0.0, 8)) "classes far apart"
              let struct (value, _) = LossUser.Value "triplet(margin=2) + supcon"
              Expect.isGreaterThan value 0.0 "a sum"
              Expect.contains (LossUser.Defaults "proxy-anchor") "alpha=32" "settings"
              rejects [ "no loss 'tripet'"; "'triplet'" ] (fun () -> LossUser.Value "tripet" |> ignore)

              rejects [ "embeddings: row 0 contains NaN" ] (fun () ->
                  CondEmbed.Interop.LossFunctions.Evaluate("triplet", null, [| [| nan |] |], [| 0L |], null) |> ignore)
          }

          test "weights are read and written, and what was written is a model" {
              inFolder (fun folder ->
                  let last, halved = RunFolder(finishedRun []).LastWeights, Path.Combine(folder, "halved.safetensors")

                  WeightsUser.Halve(last, halved)
                  let name = fst (List.head (lastWeights (finishedRun [])))
                  Expect.equal (WeightsUser.Read(halved, name)) [| for x in WeightsUser.Read(last, name) -> x / 2.0f |] name
                  use model = EmbeddingModel.Load halved
                  Expect.equal model.Dimension 16 "a model")
          } ]

let private fsharpOnly =
    [ typedefof<list<_>>
      typedefof<option<_>>
      typedefof<voption<_>>
      typedefof<FSharpFunc<_, _>>
      typedefof<Map<_, _>>
      typedefof<Set<_>>
      typedefof<Result<_, _>> ]

let rec private partsOf (kind: Type) : Type list =
    if kind.HasElementType then
        partsOf (kind.GetElementType())
    elif kind.IsGenericType then
        kind.GetGenericTypeDefinition() :: List.collect partsOf (List.ofArray (kind.GetGenericArguments()))
    else
        [ kind ]

/// The types in a public member's signature.
let private signature (found: MemberInfo) =
    let parameters (method: MethodBase) = [ for parameter in method.GetParameters() -> parameter.ParameterType ]

    match found with
    | :? MethodInfo as method -> method.ReturnType :: parameters method
    | :? ConstructorInfo as made -> parameters made
    | :? PropertyInfo as property -> [ property.PropertyType ]
    | :? FieldInfo as field -> [ field.FieldType ]
    | _ -> []

let private signatures =
    test "no signature shows C# a type of F# alone" {
        let own =
            [| ""; ".Common"; ".Extensions.AI"; ".Images"; ".Mpi"; ".Onnx"; ".Postgres"; ".Search" |]
            |> Array.collect (fun library -> Assembly.Load($"CondEmbed{library}").GetExportedTypes())

        let interop =
            typeof<Session>.Assembly.GetExportedTypes()
            |> Array.filter (fun kind -> kind.Namespace = "CondEmbed.Interop")

        Expect.isGreaterThan own.Length 80 "types of the library"
        Expect.isGreaterThan interop.Length 3 "types of the core for C#"

        let core = typeof<Session>.Assembly
        let everything = BindingFlags.Public ||| BindingFlags.Instance ||| BindingFlags.Static ||| BindingFlags.DeclaredOnly

        // Types of the core's own that members above show: they have to be plain themselves.
        let choices =
            [ for setting in typeof<Config>.GetProperties() do
                  if FSharpType.IsUnion setting.PropertyType then setting.PropertyType ]

        for case in Seq.collect FSharpType.GetUnionCases choices do
            Expect.isEmpty (case.GetFields()) $"{case.DeclaringType.Name}.{case.Name} is a word"

        let plain = [ typeof<Config>; typeof<Batch>; typeof<Team>; typeof<Traffic>; typeof<NamedNumbers> ] @ choices

        let shown =
            [ for kind in Seq.concat [ own; interop; Array.ofList plain ] do
                  for found in kind.GetMembers everything do
                      for part in List.collect partsOf (signature found) -> $"{kind.Name}.{found.Name}", part ]

        let strange = shown |> List.filter (fun (_, part) -> List.contains part fsharpOnly)
        Expect.isEmpty strange "F# types"

        let records =
            [ for _, part in shown do
                  if part.Assembly = core && part.Namespace <> "CondEmbed.Interop" && not (part.IsSubclassOf typeof<exn>) then part.Name ]

        Expect.equal
            (List.sort (List.distinct records))
            (List.sort [ for kind in plain -> kind.Name ])
            "of the core's own types only those that C# reads as a class of plain parts"
    }

let private sample =
    test "the sample program trains, loads and searches" {
        inFolder (fun folder ->
            let run = Path.Combine(folder, "run")
            use running = start "CondEmbed.Sample.Console.dll" folder [] [ "2"; run ]
            let outcome = running.Outcome()
            Expect.equal outcome.Code 0 outcome.Everything
            Expect.stringContains outcome.Out "MAP@R" "metrics"

            let nearest = outcome.Out.Substring(outcome.Out.IndexOf "Nearest to ").Trim().Split '\n'

            Expect.stringContains nearest[0] "ghost" "the query"
            Expect.equal nearest.Length 6 "five neighbours"
            Expect.isTrue (File.Exists(RunFolder(run).Report)) "report")
    }

let tests = testList "Face" [ options; training; using; signatures; sample ]
